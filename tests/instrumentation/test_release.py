"""A service's name and release, where nobody said them."""

from __future__ import annotations

from pathlib import Path

import pytest
from otelpond.instrumentation.sending.release import service_name, service_version


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("uvicorn shop:app --workers 2", "shop"),
        ("uvicorn --port 8000 shop.main:app", "shop"),
        ("/venv/bin/gunicorn -k uvicorn.workers.UvicornWorker -w 2 shop.wsgi:application", "shop"),
        ("gunicorn shop:create_app()", "shop"),
        ("celery -A tasks worker", "tasks"),
        ("celery --app=jobs.celery worker", "jobs"),
        ("flask --app store run", "store"),
        ("flask run", "folder"),
        ("fastapi run services/cart.py", "services"),
        ("python jobs/mail.py --all", "mail"),
        ("python3.11 -X dev -u mail.py", "mail"),
        ("python -m shop.worker", "shop.worker"),
        ("python -m uvicorn shop:app", "shop"),
        ("python manage.py runserver", "folder"),
        ("python -c pass", "folder"),
        ("./main.py", "folder"),
        ("", "folder"),
    ],
)
def test_the_name_is_made_from_the_command(command: str, expected: str) -> None:
    """Of a server its application, of a script its name, of a name that says nothing the folder."""
    assert expected == service_name(command.split(), Path("/srv/folder"))


def test_the_release_is_what_the_platform_says(tmp_path: Path) -> None:
    """Before what the files say."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2"\n')
    assert "abc" == service_version("shop", tmp_path, {"GIT_COMMIT": "abc"})
    assert "1.2" == service_version("shop", tmp_path, {})


def test_the_release_is_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    """From loose and packed references and a detached head, without Git; else it is unknown."""
    git, below = tmp_path / ".git", tmp_path / "src"
    (git / "refs/heads").mkdir(parents=True)
    below.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert "unknown" == service_version("shop", below, {})
    (git / "packed-refs").write_text(f"# pack-refs\n{'b' * 40} refs/heads/main\n")
    assert "b" * 40 == service_version("shop", below, {})
    (git / "refs/heads/main").write_text(f"{'a' * 40}\n")
    assert "a" * 40 == service_version("shop", below, {})
    (git / "HEAD").write_text("c" * 40)
    assert "c" * 40 == service_version("shop", below, {})
