"""A machine with an intruder's traces on it, from the first look to the gate: the page for the night comes true.

The machine is this one on a stage of its own (its processes, files and network end with the test); the new machine is
another stage, without the traces, over the same place.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest

from stockade.app import Stockade
from stockade.app.respond.drills import CONFIGURATION
from stockade.app.respond.machine_drill import prepare, scored
from stockade.config import load
from stockade.directory.accounts import AccountKind, Scope
from stockade.host.drill.stage import command
from tests.documents.reader import BIN, page, sections

PAGE = sections(page("docs/how-to/machine-compromised.md"))
SAVED = ("clocks", "process-table", "process-programs-lost", "users-accounts")
"""What of the evidence is saved here; all of it takes a minute."""


class Machine:
    """A stage with a shell on it, to which commands are typed one after another."""

    def __init__(self, place: Path, name: str, *, plant: bool) -> None:
        given = {**os.environ, "STOCKADE_CONFIG": str(place / CONFIGURATION), "COLUMNS": "100"}
        given["PATH"] = f"{BIN}:{given['PATH']}"
        shell = ["/bin/sh", "-c", f"hostname {name}; exec /bin/sh"]
        self._shell = subprocess.Popen(
            command(place, shell, plant=plant), env=given, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate("exit\n", timeout=60)

    def __call__(self, words: str, code: int = 0, by: str = "root") -> str:
        """Type a command; answers what it says, when its exit code is this one. ``by`` is who has logged in."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"SUDO_USER={by} stockade {words} </dev/null; c=$?; echo; echo -- $c\n")
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


def commands(section: str) -> list[str]:
    """What a section of the page has typed, in order."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE[section], re.DOTALL)
    return re.findall(r"^\$ stockade (.+)$", "\n".join(blocks), re.MULTILINE)


def test_the_page_for_the_night_comes_true_on_a_machine_with_traces_of_an_intruder(place: Path) -> None:
    backup(place / "backups" / "last-month")
    with Machine(place, "vm", plant=False) as before:
        before("user add deploy --bot")
        before("token issue deploy ci --scope api")
        before("host baseline")
        assert before.json("host triage --quick")["findings"] == []

    with Machine(place, "vm", plant=True) as old, Machine(place, "vm2", plant=False) as new:
        (look,), (collect,), (isolate, confirm) = map(commands, ("Look", "Save what it shows", "Shut its network"))
        old(look, code=1)
        old(f"{collect} {' '.join(f'--artifact {each}' for each in SAVED)}".replace("SINK", f"{place}/evidence"))
        old(f"evidence verify {place}/evidence")
        old(f"{isolate} --yes --even-me")
        old(confirm)

        plan, *approve_and_run, lift = commands("Draw the plan")
        digest = old.json(plan)["digest"]
        for each in approve_and_run:
            old(each.replace("DIGEST", digest))
        assert "clean" in old(lift, code=3)

        for each in commands("Come back, on the new machine"):
            new(each.replace("OLD", "vm").replace("NEW", "vm2").replace("BACKUPS", f"{place}/backups"))

        resume, listed, entered = commands("Make everything anew")
        old(resume.replace("DIGEST", digest))
        left = [each for each in old.json(f"plan show {digest}")["steps"] if each["progress"] == "pending"]
        old(f"done {digest} {' '.join(str(each['number']) for each in left if each['verb'] == 'token.replace')}")
        old(resume.replace("DIGEST", digest))
        old(f"secrets scan {place}/backups")
        old(listed)
        old(entered)

        verify, lift, report = commands("Through the gate")
        old(verify.replace("DIGEST", digest))
        old(lift)
        assert old.json("host restrictions") is None
        told = old(report)
        for each in ("account toor is root by another name", "The machine was shut", "backup from before the intruder"):
            assert each in told
        assert "not done" not in told

    score = scored(place)
    assert len(score.found) >= 18
    assert (score.points, score.missed, score.wrong) == (100, (), ())


def test_a_whole_plan_is_taken_back_past_the_gate_by_two_and_not_by_one(place: Path) -> None:
    with Stockade(load(place / CONFIGURATION)).directory() as directory:
        directory.create_account("ada", AccountKind.HUMAN, "a long and winding road")
        directory.issue_token("ada", "laptop", [Scope.API])
    with Machine(place, "vm", plant=False) as machine:
        digest = machine.json("plan instance --suspect ada")["digest"]
        machine(f"approve {digest}")
        machine(f"run {digest}")
        assert machine.json("host restrictions") is not None
        assert standing(machine) == ("blocked", [])
        assert "missing" in machine(f"undo {digest}", code=3)
        for who, code in (("root", 1), ("root", 1), ("ada", 3), ("omar", 0)):
            machine(f"undo {digest} --override --reason 'a false alarm'", code, by=who)
        assert machine.json("host restrictions") is None
        assert standing(machine) == ("active", ["laptop"])


def standing(machine: Machine) -> tuple[str, list[str]]:
    """The state of ada's account, and which of her tokens live."""
    (account,) = [each for each in machine.json("accounts") if each["name"] == "ada"]
    tokens = [each for each in machine.json("token list ada") if each["revoked"] is None]
    return account["state"], [each["name"] for each in tokens]
