"""What an intruder can do to whoever looks: hang them, drown them, or make them read without end; none of it blinds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.host.facts import commands, githooks, integrity, logfiles, packages, placed, processes
from stockade.host.facts.integrity import Difference
from stockade.host.facts.journal import Journal
from stockade.host.facts.logfiles import LogFile
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity, Unseen
from stockade.host.patience import in_turn, patiently
from stockade.host.triage import looks, persistence
from stockade.host.triage.looking import Told
from stockade.host.triage.looks import looked
from stockade.host.triage.origin import News
from tests.host.disk.conftest import machine
from tests.host.disk.machines import Machine
from tests.host.test_looking import odd

__all__ = ["machine"]
MIB = 1 << 20


def test_what_never_answers_is_left_behind_and_the_others_are_asked() -> None:
    never = threading.Event()

    def answer(number: int) -> int:
        if number == 2:
            never.wait()
        return number * 10

    assert list(in_turn([1, 2, 3], answer, 0.1)) == [(1, 10), (2, None), (3, 30)]
    never.set()
    with pytest.raises(ZeroDivisionError):
        list(in_turn([0], lambda number: 1 // number, 5.0))


def test_a_look_that_hangs_is_told_as_not_seen_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "PATIENCE", 0.1)
    never = threading.Event()

    def hangs() -> Iterator[Told]:
        yield odd("low")
        never.wait()

    told = list(looked({"files": hangs, "processes": lambda: [odd("high")]}))
    never.set()
    assert [each for each in told if isinstance(each, Oddity)] == [odd("low"), odd("high")]
    assert [each.what for each in told if isinstance(each, Unseen)] == ["files"]
    assert list(patiently([1, 2], 5.0)) == [1, 2]


HANGING = """
    import ctypes, os, subprocess, sys
    from pathlib import Path
    from stockade.host.facts import placed, processes
    processes.PATIENCE = placed.PATIENCE = 0.3
    root, hung = Path(sys.argv[1]), Path(sys.argv[2])
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
    assert ctypes.CDLL(None).mount(b"hung", bytes(hung), b"fuse", 6, options) == 0
    child = subprocess.Popen([f"{hung}/x", "60"], executable="/usr/bin/sleep")
    found, unseen = processes.read(Path("/"))
    child.kill()
    mine = next(each for each in found if each.pid == child.pid)
    assert (mine.name, mine.unread) == ("sleep", ("all of it",)), mine
    assert any(str(child.pid) in each.what for each in unseen), unseen
    assert any(each.pid == os.getpid() and each.exe for each in found)
    (root / "etc/cron.d/hung").symlink_to(hung / "x")
    (root / "home/ann/.bashrc").symlink_to(hung / "x")
    files, unseen = placed.read(root)
    assert {each.path for each in files.files} >= {"/etc/crontab", "/etc/passwd"}
    assert sorted(each.what for each in unseen) == ["/home/ann", "crontab /etc/cron.d/*"], unseen
    os._exit(0)
"""


def test_a_file_system_that_never_answers_holds_up_neither_processes_nor_what_starts_by_itself(
    machine: Machine, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("only root may mount a file system that does not answer, where the kernel has FUSE")
    machine.file("/etc/crontab", "0 0 * * * root /usr/bin/true\n")
    machine.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/bash\n")
    for folder in ("etc/cron.d", "home/ann"):
        (machine.root / folder).mkdir(parents=True)
    (tmp_path / "hung").mkdir()
    inside = [sys.executable, "-c", textwrap.dedent(HANGING), str(machine.root), str(tmp_path / "hung")]
    done = subprocess.run(
        ["unshare", "--mount", "--", *inside], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_log_that_became_a_pipe_is_told_and_waited_for_by_nobody(machine: Machine) -> None:
    machine.file("/var/log/syslog", "Nov 25 10:00:00 web1 x: y\n2026-13-99T99:00:00Z web1 x: y\n")
    os.mkfifo(machine.root / "var/log/auth.log")
    found, unseen = logfiles.read(machine.root, Journal())
    assert [text.path for text in found.texts] == ["/var/log/syslog"]
    assert [(each.what, each.why) for each in unseen] == [("/var/log/auth.log", "it is no file")]


def test_a_stamp_of_no_day_that_there_is_hides_no_other_line() -> None:
    text = "2026-13-01T00:00:00Z a b\n0000-00-00T00:00:00 a b\nJan 99 00:00:00 a b\n2026-11-25T10:00:00Z a b\n"
    assert logfiles.lines(LogFile("/var/log/syslog", written=1.8e9), text).stamps[-1] == 1_795_600_800.0


def test_a_device_in_the_place_of_a_packages_file_is_changed_and_never_read(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    machine.package("base", {"/usr/bin/ls": "ls"})
    (machine.root / "usr/bin/ls").unlink()
    os.mknod(machine.root / "usr/bin/ls", stat.S_IFCHR | 0o755, os.makedev(1, 5))  # zeros without end
    known, _ = packages.read(machine.root)
    found = list(integrity.compared(machine.root, integrity.expected(known), known))
    assert [(each.path, each.state) for each in found if isinstance(each, Difference)] == [("/usr/bin/ls", "changed")]


def test_a_hundred_thousand_files_are_neither_all_read_nor_passed_over_in_silence(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "MANY", 10)
    monkeypatch.setattr(placed, "TOGETHER", 2 * MIB)
    machine.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    for number in range(12):
        machine.file(f"/etc/cron.d/job{number:02}", "#" * MIB)
    found, unseen = placed.read(machine.root)
    assert len([each for each in found.files if each.kind == "crontab"]) == 2
    assert {each.why for each in unseen} == {
        "there are more than 10, and the first were looked at",
        "the files are too long together",
    }


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("script", ("python -c " * 400 + "\n") * 250),
        ("apt", "Pre-Invoke {" * (MIB // 12)),
        ("apt", "pre-invoke a" + " " * MIB + "b"),
    ],
)
def test_a_file_that_is_made_to_be_read_for_hours_is_told_of_instead(kind: str, text: str) -> None:
    file = Placed(kind, "/etc/dpkg/dpkg.cfg.d/x", 0o644, 0, len(text), 0.0, text)
    known, _ = packages.read(Path("/nonexistent"))
    told = list(persistence.odd("web1", list(persistence.sights([file], known)), known, News([], 0.0)))
    assert {each.severity for each in told} <= {"high"}
    assert [name for name, _ in githooks.settings("[core]\npager = a" + " " * MIB + "b\n")] == ["core.pager"]


def test_hooks_of_apt_are_read_to_the_last() -> None:
    text = 'DPkg::Post-Invoke { "one"; "two \\" three"; };\nAPT::Update::Pre-Invoke:: "four";\n'
    text += 'DPkg::Pre-Install-Pkgs {"five";'
    file = Placed("apt", "/etc/apt/apt.conf.d/x", 0o644, 0, len(text), 0.0, text)
    assert [each.text for each in commands.commands(file)] == ["one", 'two " three', "four", "five"]


def test_libraries_and_environments_are_read_to_their_end() -> None:
    room = "A" * 100_000
    long = {f"V{number}": room for number in range(12)} | {"LD_AUDIT": "/usr/lib/none.so"}
    child = subprocess.Popen(["/usr/bin/sleep", "60"], env=long, stderr=subprocess.DEVNULL)
    place = Path(f"/proc/{child.pid}")
    try:
        while not (place / "environ").read_bytes():  # the kernel shows it a moment after the program was started
            time.sleep(0.01)
        found = processes.read_one(place, 0.0)
    finally:
        child.kill()
        child.wait()
    assert found is not None
    assert found.preloads == ("LD_AUDIT=/usr/lib/none.so",)


def test_a_program_whose_name_only_says_that_it_was_deleted_is_not_taken_for_an_updated_one(tmp_path: Path) -> None:
    feigned = tmp_path / "sleep (deleted)"
    feigned.write_bytes(Path("/usr/bin/sleep").read_bytes())
    feigned.chmod(0o755)
    child = subprocess.Popen([str(feigned), "60"])
    try:
        found = processes.read_one(Path(f"/proc/{child.pid}"), 0.0)
    finally:
        child.kill()
        child.wait()
    assert found is not None
    assert found.feigned == (str(feigned),)
