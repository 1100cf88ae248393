"""`make fuzz`: lets coverage-guided fuzzers look for inputs that break a reader, one target after the other, and prints what they did.

Each target runs in a process of its own for so many seconds. Corpora grow in `.fuzz/<target>/corpus`, and go on from there the next time;
an input that broke something is kept in `.fuzz/<target>/` and makes the run fail.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

from .folders import memory_folder
from .targets import TARGETS, Target, words

_WORK = Path(".fuzz")
_KERNELS = Path(".pytest_cache", "d", "otelpond-kernels").resolve()  # compiled by the tests already
_LONGEST_INPUT_S = 25
_MOST_MEMORY_MB = 3000
_LONGEST_INPUT_BYTES = 8192
_START_S = 600  # the kernels may have to be compiled
_MOST_SHOWN = 4000
_FOUND = ("crash-*", "timeout-*", "oom-*", "leak-*")


def main() -> int:
    """Run all targets or one, or repeat one input."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS), help="only this one")
    parser.add_argument("input", nargs="?", type=Path, help="only this input, to see what it breaks")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given, flags = parser.parse_known_args()
    if given.input is not None:
        TARGETS[given.target].load()(given.input.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        print(
            "make fuzz needs atheris, which exists for Linux and Python up to 3.13: .venv/bin/python -m pip install --editable '.[fuzz]'",
            file=sys.stderr,
        )
        return 2
    os.environ.setdefault("OTELPOND_CACHE_DIR", str(_KERNELS))
    if given.child:
        return _fuzz(TARGETS[given.target], flags)
    chosen = [TARGETS[given.target]] if given.target else list(TARGETS.values())
    return 1 if [target for target in chosen if not _ran_well(target, given.seconds)] else 0


def _ran_well(target: Target, seconds: int) -> bool:
    """Fuzz a target in a process of its own; prints a line, and what was found."""
    folder = _WORK / target.name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    dictionary = folder / "words"
    dictionary.write_text("".join(f"{_quoted(word)}\n" for word in words()))
    before = _found(folder)
    command = [
        *(sys.executable, "-m", f"{__package__}.run", "--child", target.name),
        *(f"-max_total_time={seconds}", f"-timeout={_LONGEST_INPUT_S}", f"-rss_limit_mb={_MOST_MEMORY_MB}"),
        *(f"-max_len={_LONGEST_INPUT_BYTES}", f"-dict={dictionary}", f"-artifact_prefix={folder}/", "-print_final_stats=1"),
        *(str(corpus), str(target.seed_paths()[0].parent)),
    ]
    with (folder / "log").open("wb") as log, memory_folder() as files:
        environment = {**os.environ, "TMPDIR": files}
        ended = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False, timeout=seconds + _START_S)
    said = (folder / "log").read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", said)
    covered = re.findall(r" cov: (\d+)", said)
    print(
        f"{target.name:<12} {int(runs[1]) if runs else 0:>9,} inputs, {covered[-1] if covered else 0:>6} branches,"
        f" {len(list(corpus.iterdir())):>5} inputs in the corpus{'' if ended.returncode == 0 else '   FAILED'}",
        flush=True,
    )
    if ended.returncode:
        print(said[max(said.rfind(" === Uncaught"), said.rfind("==ERROR"), len(said) - _MOST_SHOWN) :])
        for path in sorted(_found(folder) - before):
            print(f"the input: {path}; again: {sys.executable} -m {__package__}.run {target.name} {path}", flush=True)
    return ended.returncode == 0


def _machine_code() -> list[str]:
    """The modules that are compiled: there is nothing in them that could tell the fuzzer where it was."""
    package = "otelpond.storage.decode.kernels"
    (folder,) = importlib.util.find_spec(package).submodule_search_locations
    return [package, *(f"{package}.{path.stem}" for path in Path(folder).glob("*.py"))]


def _quoted(word: bytes) -> str:
    """A word as the fuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


def _found(folder: Path) -> set[Path]:
    return {path for pattern in _FOUND for path in folder.glob(pattern)}


def _fuzz(target: Target, flags: list[str]) -> int:
    """Hand this process to the fuzzer; never returns."""
    import atheris  # noqa: PLC0415 - an extra of its own

    with atheris.instrument_imports(include=["otelpond"], exclude=_machine_code(), enable_loader_override=False):
        check = target.load()

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        changed = target.changed(data, lambda part: atheris.Mutate(part, max(len(part), 16) + 16), random.Random(seed))
        return changed[:max_size]

    mutator = {"custom_mutator": mutate} if target.message_after is not None else {}
    atheris.Setup([target.name, *flags], check, **mutator)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
