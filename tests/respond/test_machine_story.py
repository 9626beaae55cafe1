"""A machine with an intruder's traces on it, from the first look to the gate: every command as a responder types it.

The machine is this one on a stage of its own (its processes, files and network end with the test); the new machine is
another stage, without the traces, over the same place.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from stockade.app.drills import CONFIGURATION
from stockade.app.machine_drill import prepare, scored
from stockade.host.drill.stage import PLANTED, command
from tests.documents.reader import BIN

SAVED = ("clocks", "process-table", "process-programs-lost", "users-accounts")
"""What of the evidence is saved here; all of it takes a minute."""


class Machine:
    """A stage with a shell on it, to which commands are typed one after another."""

    def __init__(self, place: Path, *, plant: bool) -> None:
        given = {**os.environ, "STOCKADE_CONFIG": str(place / CONFIGURATION), "COLUMNS": "100"}
        given["PATH"] = f"{BIN}:{given['PATH']}"
        self._shell = subprocess.Popen(
            command(place, ["/bin/sh"], plant=plant), env=given, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate("exit\n", timeout=60)

    def __call__(self, words: str, code: int = 0) -> str:
        """Type a command; answers what it says, when its exit code is this one."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"stockade {words} </dev/null; c=$?; echo; echo -- $c\n")
        self._shell.stdin.flush()
        said: list[str] = []
        for line in self._shell.stdout:
            if line.startswith("-- "):
                assert int(line[3:]) == code, f"{words}: exit code {line[3:]}{''.join(said)}"
                return "".join(said)
            said.append(line)
        raise AssertionError(f"{words}: the stage is gone\n{''.join(said)}")

    def json(self, words: str, code: int = 0) -> Any:
        return json.loads(self(f"{words} --json", code))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    prepare(tmp_path / "drill")
    return tmp_path / "drill"


def backup(place: Path) -> None:
    """A folder as it was some days ago."""
    (place / "etc").mkdir(parents=True)
    (place / "etc" / "hostname").write_text("vm\n")
    days_ago = time.time() - 30 * 86400
    for each in (place / "etc" / "hostname", place / "etc", place):
        os.utime(each, (days_ago, days_ago))


@contextmanager
def machine(place: Path, *, plant: bool) -> Iterator[Machine]:
    with Machine(place, plant=plant) as found:
        yield found


def test_a_machine_is_looked_at_saved_shut_planned_rebuilt_and_let_back_through_the_gate(place: Path) -> None:
    with machine(place, plant=False) as before:
        before("user add deploy --bot")
        before("token issue deploy ci --scope api")
        before("host baseline")
        assert before.json("host triage --quick")["findings"] == []

    with machine(place, plant=True) as old:
        old("host triage", code=1)
        planted = json.loads((place / PLANTED).read_text())
        assert len(planted) >= 18
        artifacts = " ".join(f"--artifact {each}" for each in SAVED)
        old(f"host collect --to {place}/evidence {artifacts}")
        old(f"evidence verify {place}/evidence")
        old("host isolate --yes --even-me")
        old("host confirm")

        plan = old.json("plan instance")["digest"]
        old(f"approve {plan}")
        old(f"run {plan}")  # as far as it goes before the machine is rebuilt
        assert "clean" in old("host lift", code=3)

        with machine(place, plant=False) as new:
            backup(place / "backups" / "last-month")
            new(f"rebuild plan --backups {place}/backups")
            new("rebuild done restored --on vm2")
            new("rebuild done patched")
            new("host verify --of vm", on="vm2")
        old(f"resume {plan}")
        left = [each for each in old.json(f"plan show {plan}")["steps"] if each["progress"] == "pending"]
        old(f"done {plan} {' '.join(str(each['number']) for each in left if each['verb'] == 'token.replace')}")
        old(f"resume {plan}")
        old(f"secrets scan {place}/backups")
        old("rebuild done entered")
        old(f"verify {plan}")
        old("host lift")
        assert old.json("host restrictions") is None
        assert "network.restrict" in old("incident report")

    score = scored(place)
    assert score.missed == ()
    assert [wrong.text for wrong in score.wrong] == []
    assert score.points == 100
