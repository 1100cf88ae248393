"""The house is as prescribed: its top level, what the wheel holds, and that the light install needs nothing of the collector."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("config", "exporters", "instrumentation", "receivers", "storage")
TOP_LEVEL = {*ROOMS, "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "Makefile"}
BLOCKED = ("duckdb", "numba", "pyarrow", "deltalake", "grpc", "fastapi", "uvicorn", "pydantic_settings", "sqlalchemy", "orjson", "xxhash")
"""What a service that is only instrumented does not have; FastAPI and SQLAlchemy are there if it uses them itself."""


def _tracked() -> list[str]:
    """Every file of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_the_top_level_is_as_prescribed() -> None:
    """Rooms, tests, six files, and beside them only what begins with a dot."""
    assert TOP_LEVEL == {name.split("/")[0] for name in _tracked() if not name.startswith(".")}


def test_the_wheel_holds_every_file_of_the_rooms(tmp_path: Path) -> None:
    """Python, SQL, py.typed and READMEs, under otelpond/<room>; a package or pattern that pyproject.toml forgets is found here."""
    checkout = tmp_path / "checkout"
    for name in _tracked():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name, follow_symlinks=False)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]  # the network is not asked
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(tmp_path), str(checkout)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("otelpond/")}
    assert {f"otelpond/{name}" for name in _tracked() if name.split("/")[0] in ROOMS} == held


def test_every_package_is_listed() -> None:
    """pyproject.toml names each folder with Python files in it, in order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {str(Path(name).parent).replace("/", ".") for name in _tracked() if name.split("/")[0] in ROOMS and name.endswith(".py")}
    assert sorted(f"otelpond.{folder}" for folder in folders) == project["tool"]["setuptools"]["packages"]


def test_every_dependency_says_why() -> None:
    """A dependency has a lower bound, an upper one where it is a library's, and its reason beside it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "([\w\[\].-]+(?:>=|==).*?)",(.*)$', text, re.MULTILINE)
    tools = {"mypy", "pyright", "pytest", "pytest-timeout", "ruff"}
    assert len(lines) > 20
    assert [] == [name for name, comment in lines if "#" not in comment and re.split(r"[>=]", name)[0] not in tools]


def _light(*code: str) -> subprocess.CompletedProcess[str]:
    """Python code run where the collector's libraries cannot be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))"
    return subprocess.run([sys.executable, "-c", "\n".join([blocked, *code])], capture_output=True, text=True, check=False)


def test_instrumentation_is_light() -> None:
    """A service imports it without the collector's libraries."""
    ended = _light("import otelpond.instrumentation")
    assert (0, "") == (ended.returncode, ended.stderr)


def test_the_command_helps_in_a_light_install() -> None:
    """`otelpond --help` lists the commands there too."""
    ended = _light("sys.argv = ['otelpond', '--help']", "from otelpond.config.cli import main", "main()")
    assert (0, "") == (ended.returncode, ended.stderr)
    assert "serve" in ended.stdout


@pytest.mark.parametrize(
    "arguments", [["serve"], ["sql", "select 1"], ["tables"], ["import", "x"], ["check"], ["warm"], ["recipes", "list"]]
)
def test_a_light_install_says_what_to_install(arguments: list[str]) -> None:
    """One line with the exact command, instead of a missing module."""
    ended = _light(f"sys.argv = ['otelpond', *{arguments!r}]", "from otelpond.config.cli import main", "main()")
    assert 1 == ended.returncode
    assert re.fullmatch(
        r"otelpond: this command needs more than is installed .*\(no \w+\): pip install 'otelpond\[collector\]'\n", ended.stderr
    )


def test_the_demo_names_its_own_extra() -> None:
    """The demo wants more than the collector, and says what."""
    ended = _light("sys.argv = ['otelpond', 'demo']", "from otelpond.config.cli import main", "main()")
    assert (1, True) == (ended.returncode, ended.stderr.endswith("pip install 'otelpond[demo]'\n"))


def test_the_receiving_process_is_light() -> None:
    """What receives loads neither DuckDB nor Numba nor pyarrow: their memory belongs to the process that stores."""
    heavy = ("duckdb", "numba", "pyarrow", "deltalake", "sqlglot")
    modules = ", ".join(f"otelpond.config.collector.{name}" for name in ("serving", "receiving", "worker_process"))
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print([name for name in {heavy!r} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[]\n" == ended.stdout
