"""Django behind the guard in real servers: gunicorn's workers counting together, and uvicorn awaiting."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import run

import httpx2

from tests.doors.serving import serving
from tests.source_tree import ROOT

APPLICATION = "tests.doors.django_site.application"
FAILED = "/api/login/?name=ann&password=wrong"


def migrated(where: Path) -> dict[str, str]:
    """The environment of a project with a database and a shared store of its own."""
    env = {
        "DATABASE": str(where),
        "SHARED": str(where / "guard"),
        "DJANGO_SETTINGS_MODULE": "tests.doors.django_site.settings",
    }
    argv = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    run(argv, cwd=ROOT, env={**os.environ, **env}, check=True)
    return env


def test_four_workers_count_failed_sign_ins_together(tmp_path: Path) -> None:
    four = ("-w", "4", "-b", "127.0.0.1:$PORT", f"{APPLICATION}:wsgi")
    with serving("gunicorn", *four, where=tmp_path, env=migrated(tmp_path)) as site:
        assert [site.get(f"/items/{n}/").status_code for n in range(4)] == [200, 200, 429, 429]
        assert [site.get(FAILED).status_code for _ in range(4)] == [200, 200, 200, 403]
        with httpx2.stream("GET", f"{site.url}/") as reply:
            assert reply.status_code == 403
        assert "memory of their own" not in site.log.read_text()


def test_uvicorn_serves_it_awaiting_streams_included(tmp_path: Path) -> None:
    with serving("uvicorn", f"{APPLICATION}:asgi", "--port", "$PORT", where=tmp_path, env=migrated(tmp_path)) as site:
        with httpx2.stream("GET", f"{site.url}/stream/") as reply:
            assert next(reply.iter_bytes()) == b"first\n"
        assert [site.get(f"/items/{n}/").status_code for n in range(3)] == [200, 200, 429]
        assert [site.get(FAILED).status_code for _ in range(4)] == [200, 200, 200, 403]
