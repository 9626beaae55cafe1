"""Look-alikes of what an intruder leaves, planted in namespaces of their own: each is found, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import PROGRAM
from tests.servers.processes import program, short_directory

ELSEWHERE = {"LD_PRELOAD", "HIDDEN"}
OF_THE_MACHINE = {"promiscuous-interface", "ebpf-program"}


@pytest.fixture(scope="session")
def told() -> dict[str, Any]:
    """What the command said before and after planting, once for all tests."""
    if os.geteuid() != 0:
        pytest.skip("namespaces with a network, mounts and a program in the kernel need root here")
    with short_directory() as folder:
        (folder / "layers").mkdir()
        unshare = [program("unshare", "util-linux"), "--pid", "--fork", "--net", "--mount", "--mount-proc"]
        planting = [sys.executable, str(Path(__file__).with_name("plant.py")), str(folder)]
        asked = [str(PROGRAM), "host", "triage", "--quick", "--json"]
        kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
        environment = {**kept, "STOCKADE_CONFIG": "", "STOCKADE_STATE": str(folder / "state")}
        done = subprocess.run(
            [*unshare, *planting, *asked], capture_output=True, timeout=120, check=False, env=environment, cwd=folder
        )
        assert done.returncode == 0, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        for when in ("before", "after"):
            found[when]["findings"] = [each for each in found[when]["findings"] if not _of_others(each)]
        assert not (folder / "state").exists()  # nobody has asked for a log
        return found


def test_a_machine_that_is_in_order_has_no_findings_and_says_what_was_not_looked_at(told: dict[str, Any]) -> None:
    before = told["before"]
    assert (before["findings"], before["recorded"]) == ([], False)
    assert {"processes outside this container", "processes that hide"} <= {each["what"] for each in before["unseen"]}


def test_everything_that_was_planted_is_found(told: dict[str, Any]) -> None:
    after = told["after"]
    found = {(each["signal"], pid) for each in after["findings"] for pid in _pids(each)}
    assert {*told["pids"].items()} - found == set()
    assert OF_THE_MACHINE - {each["signal"] for each in after["findings"]} == set()
    assert len({each["signal"] for each in after["findings"]}) == len(set(told["pids"]) | OF_THE_MACHINE) == 15
    assert after["code"] == 1


def test_the_worst_comes_first_and_every_finding_says_how_to_look_closer(told: dict[str, Any]) -> None:
    findings = told["after"]["findings"]
    worst = ["critical", "high", "medium", "low"]
    assert [each["severity"] for each in findings] == sorted((each["severity"] for each in findings), key=worst.index)
    assert {each["signal"] for each in findings[:2]} == {"hidden-process", "covered-process"}
    assert [each["signal"] for each in findings if not (each["look"] and each["harmless"] and each["techniques"])] == []


def test_what_was_planted_is_told_once_and_nothing_else_is(told: dict[str, Any]) -> None:
    about = {pid for each in told["after"]["findings"] for pid in _pids(each)}
    strangers = about - set(told["pids"].values())
    assert len(strangers) == 2  # the look itself, into which a library was put, and who has planted it all
    assert len(told["after"]["findings"]) <= len(told["pids"]) + 6


def _pids(finding: dict[str, Any]) -> list[int]:
    facts = finding["facts"]
    return [*facts.get("pids", []), *([facts["pid"]] if "pid" in facts else [])]


def _of_others(finding: dict[str, Any]) -> bool:
    """Whether it is about a file in a folder that all have in common, where other tests leave theirs meanwhile."""
    kind, _, path = str(finding["subject"]).partition(":")[2].partition("/")
    return kind == "file" and path.startswith(("/tmp/", "/var/tmp/", "/dev/shm/"))
