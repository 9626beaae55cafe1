"""Flask behind the guard in gunicorn with several workers: counting together, or warned that they do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.doors.serving import BIN, serving
from tests.source_tree import ROOT

FOUR = ("-w", "4", "-b", "127.0.0.1:$PORT", "tests.doors.app_flask:app")


def test_four_workers_with_a_shared_store_count_exactly(tmp_path: Path) -> None:
    shared = {"SHARED": str(tmp_path / "guard")}
    with serving("gunicorn", *FOUR, where=tmp_path, env=shared) as site:
        assert [site.get("/").status_code for _ in range(13)] == [200] * 10 + [429] * 3
        assert "memory of their own" not in site.log.read_text()
        command = [str(BIN / "flask"), "--app", "tests.doors.app_flask", "stockade", "ban", "127.0.0.1"]
        subprocess.run(command, cwd=ROOT, env=shared, check=True, capture_output=True)
        assert site.get("/").status_code == 403


def test_four_workers_with_a_memory_each_are_warned_about(tmp_path: Path) -> None:
    with serving("gunicorn", *FOUR, where=tmp_path) as site:
        assert site.get("/").status_code == 200
        assert "4 processes each count in a memory of their own" in site.log.read_text()
