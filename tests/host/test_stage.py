"""A stage is this machine with layers over it: what is done on it is nowhere else, and ends with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stockade.app.respond.machine_drill import prepare
from stockade.errors import Refused
from stockade.host.drill.stage import command


def on_stage(place: Path, script: str, *, plant: bool = False) -> str:
    run = command(place, ["/bin/sh", "-c", script], plant=plant)
    return subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout


def test_what_is_written_on_it_is_gone_with_it_but_for_the_place_of_the_drill(tmp_path: Path) -> None:
    said = on_stage(tmp_path, f"echo x > /etc/stage-only; cat /etc/stage-only; echo kept > {tmp_path}/kept")
    assert said.split() == ["x"]
    assert not Path("/etc/stage-only").exists()
    assert (tmp_path / "kept").read_text() == "kept\n"


def test_its_processes_end_with_it_and_see_no_others(tmp_path: Path) -> None:
    said = on_stage(tmp_path, f"sleep 4242 & ls /proc | grep -c '^[0-9]*$'; test -e /proc/{os.getpid()}/x || echo ours")
    assert int(said.split()[0]) < 10
    assert "ours" in said
    running = subprocess.run(["pgrep", "-f", "^sleep 4242$"], capture_output=True, check=False)
    assert running.returncode == 1


def test_who_cannot_set_a_stage_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Refused, match="only root"):
        prepare(tmp_path / "drill")
    assert not (tmp_path / "drill").exists()
