"""Several machines over real SSH: one file is sent and run from memory; who cannot be reached holds up nobody."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.app.host.afar import Asked, looked_at
from stockade.host.oddity import Oddity, Unseen
from stockade.host.parcel import START, TOO_OLD, parcel
from stockade.host.triage.looking import Progress
from stockade.host.triage.report import ALIKE, KINDS, few
from stockade.host.triage.sent import END, read, written
from tests.cli.terminal import Terminal
from tests.host.test_looking import odd
from tests.servers.processes import free_port, program
from tests.servers.sshd import start_sshd
from tests.source_tree import modules

CONFIGURATION = """\
Host web1 web2
  Port {port}
Host web3
  Port {closed}
Host *
  HostName 127.0.0.1
  User root
  IdentityFile {directory}/good
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile {directory}/known
  LogLevel ERROR
"""
ENDS = json.dumps(END)
HALF = """cat > /dev/null; echo '{"is":"progress","what":"files","done":1,"of":9,"look":1,"looks":9}'; exit"""


@pytest.fixture(scope="module")
def ssh() -> Iterator[Path]:
    """The configuration of ssh for two machines that answer, and one that does not."""
    if os.geteuid() != 0:
        pytest.skip("sshd changes to the user who signs in, which needs root here")
    with start_sshd() as sshd:
        file = sshd.directory / "ssh_config"
        file.write_text(CONFIGURATION.format(port=sshd.port, closed=free_port(), directory=sshd.directory))
        yield file


def test_machines_are_looked_at_side_by_side_and_one_that_is_away_is_told(ssh: Path, terminal: Terminal) -> None:
    names = [word for name in ("web1", "web2", "web3") for word in ("--host", name)]
    said = terminal.run("host", "triage", *names, "--ssh", f"ssh -F {ssh}", "--quick", "--json")
    web1, web2, web3 = said.json
    assert [each["host"] for each in said.json] == ["web1", "web2", "web3"]
    assert (web1["reached"], web2["reached"], web3["reached"]) == (True, True, False)
    assert {note["subject"].partition(":")[0] for note in web1["notes"] + web1["findings"]} == {"web1"}
    assert "cannot be reached" in web3["unseen"][0]["why"]
    assert web3["verdict"] == "nothing of web3 could be looked at"
    assert said.code in {1, 4}  # 1 when something was found on the machine that the tests run on


@pytest.mark.parametrize(
    ("there", "patience", "why"),
    [
        ("exec sleep 60", 1.0, "it took longer than 1 s"),
        ("cat > /dev/null; exec yes", 120.0, "it ended with -9"),
        ("cat > /dev/null; exec head -c 99999999 /dev/zero", 120.0, "it ended with -9"),
        ("echo bash: python3: not found >&2; exit 127", 120.0, "there is no python3"),
    ],
)
def test_a_machine_that_is_slow_or_talks_without_end_is_told_as_such(there: str, patience: float, why: str) -> None:
    (report,) = looked_at(["web1"], Asked(("sh", "-c", there), patience=patience), lambda _host, _told: None)
    assert not report.reached
    assert report.unseen[-1].why == why
    assert len(report.unseen) <= 21


def test_a_name_that_ssh_would_take_for_an_option_is_refused(terminal: Terminal) -> None:
    said = terminal.run("host", "triage", "--host", "-oProxyCommand=touch x")
    assert (said.code, (terminal.directory / "x").exists()) == (2, False)


def test_what_is_sent_needs_nothing_but_python_and_writes_nothing(tmp_path: Path) -> None:
    request = json.dumps({"name": "web1", "thorough": False})
    argv = [sys.executable, "-I", "-S", "-c", START, request]
    done = subprocess.run(argv, input=parcel(), capture_output=True, cwd=tmp_path, check=False, timeout=60)
    told = list(read("web1", done.stdout.decode().splitlines()))
    assert (done.returncode, done.stderr) == (0, b"")
    assert [each for each in told if isinstance(each, Unseen) and each.what == "its answer"] == []
    assert any(isinstance(each, Progress) for each in told)
    assert list(tmp_path.iterdir()) == []


def test_somebody_without_rights_is_told_what_they_could_not_see() -> None:
    python = shutil.which("python3", path="/usr/bin")
    if os.geteuid() != 0 or python is None:
        pytest.skip("only root can become nobody, who has no way to a Python but the system's")
    nobody = [program("setpriv", "util-linux"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    argv = [*nobody, python, "-I", "-S", "-c", START, json.dumps({"name": "web1", "thorough": False})]
    done = subprocess.run(argv, input=parcel(), capture_output=True, cwd="/", check=False, timeout=60)
    unseen = [each for each in read("web1", done.stdout.decode().splitlines()) if isinstance(each, Unseen)]
    assert any("processes: program, open files, libraries, environment" in each.what for each in unseen), done.stderr
    assert "eBPF programs" in {each.what for each in unseen}


def test_an_older_python_says_so_before_it_meets_what_it_cannot_read() -> None:
    older = START.replace("import os,sys\n", "import os,sys\nsys.version_info=(3,9)\n", 1)
    done = subprocess.run([sys.executable, "-c", older], input=b"", capture_output=True, check=False, timeout=60)
    assert done.returncode == TOO_OLD


def test_a_file_sent_is_the_same_for_the_same_source() -> None:
    assert parcel() == parcel()


def test_what_a_machine_says_is_about_that_machine_whatever_it_claims() -> None:
    lines = [written(odd("high")), written(Unseen("x", "y")), written(Progress("files", 1, 2))]
    forged = written(odd("high")).replace("web1:process", "bank:process")
    assert list(read("web1", [*lines, ENDS])) == [odd("high"), Unseen("x", "y"), Progress("files", 1, 2)]
    (told,) = read("web1", [forged, ENDS])
    assert isinstance(told, Oddity)
    assert str(told.subject) == "web1:process/7"
    junk = [
        "",
        "[]",
        "{}",
        '{"is":"oddity"}',
        "[" * 9999,
        written(odd("fatal")),
        '{"is":"progress","what":1,"done":"x"}',
        '{"is":"progress","what":"x","done":Infinity,"of":1,"look":0,"looks":1}',
        '{"is":"progress","what":"x","done":1,"of":1,"look":-1,"looks":1e400}',
        written(odd("high")).replace('"web1:process/7"', "7"),
    ]
    assert [type(each) for each in read("web1", [*junk, ENDS])] == [Unseen] * len(junk)


def test_half_an_answer_is_never_taken_for_a_machine_on_which_nothing_was_found() -> None:
    (report,) = looked_at(["web1"], Asked(("sh", "-c", HALF)), lambda _host, _told: None)
    assert report.unseen[-1].what == "the rest of its answer"
    assert report.verdict == "no trace of an intruder in what could be seen of web1"


def test_a_machine_that_tells_of_everything_fills_neither_the_screen_nor_the_log() -> None:
    alike = f"yes '{written(odd('high'))}' | head -n 5000; echo '{ENDS}'"
    (report,) = looked_at(["web1"], Asked(("sh", "-c", f"cat > /dev/null; {alike}; exit")), lambda _host, _told: None)
    assert len(report.findings) == ALIKE
    assert report.unseen == (Unseen("4800 more of deleted-binary, high", "200 of them are told"),)
    kinds = [odd("high", f"kind {number}") for number in range(1000)]
    assert len([each for each in few(kinds) if isinstance(each, Oddity)]) == KINDS


def test_whatever_is_sent_imports_only_what_is_sent_too() -> None:
    sent = {name for name in modules() if name.startswith(("stockade.host.facts", "stockade.host.triage"))}
    more = {"baseline", "picture", "pictured", "updates", "updates.version", "oddity", "patience"}
    sent |= {f"stockade.host.{name}" for name in more}
    allowed = sent | {"stockade.events", "stockade.errors", "stockade.host"}
    asked = {(name, asked) for name in sent for asked in modules()[name].imports}
    ours = {(name, asked) for name, asked in asked if asked.startswith("stockade") and asked not in allowed}
    others = {
        (name, asked) for name, asked in asked if asked.partition(".")[0] not in {*sys.stdlib_module_names, "stockade"}
    }
    assert (ours, others) == (set(), set())
