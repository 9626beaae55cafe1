"""Who changes a program and its digest in the database is seen beside the picture, and in no other way."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.host.facts import integrity, packages
from stockade.host.oddity import Oddity
from stockade.host.picture import Picture, compared
from stockade.host.triage import looking
from stockade.host.triage.disk import Disk
from stockade.host.triage.familiar import CONTENT, PACKAGE, Kinds
from stockade.host.triage.seen import Facts
from tests.host.disk.machines import Machine, md5

SSHD, SUMS, STATUS = "/usr/sbin/sshd", "var/lib/dpkg/info/openssh-server.md5sums", "var/lib/dpkg/status"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.package("openssh-server", {SSHD: "good", "/usr/share/doc/ssh": "read me"}, {"/etc/ssh/sshd_config": "Port 22"})
    made.package("hostname", {"/usr/bin/hostname": "good"})
    return made


def kinds(machine: Machine) -> Kinds:
    """What a picture of it has of packages."""
    found, _ = packages.read(machine.root)
    versions = {name: package.version for name, package in found.installed.items()}
    return {PACKAGE: versions, CONTENT: integrity.contents(machine.root, found)}


def told(machine: Machine, picture: Kinds | None) -> list[tuple[str, str, str]]:
    """The findings of a look at the files of packages, without what is said of the look itself."""
    disk = Disk(Facts(looking.Machine(machine.root, "web1", 1.0), picture))
    found = [each for each in disk.integrity() if isinstance(each, Oddity) and each.signal != "package-proof"]
    return [(each.signal, each.severity, each.subject.id) for each in found]


def differences(was: Kinds, now: Kinds) -> list[tuple[str, str, str]]:
    found = compared(Picture("web1", 1.0, was), Picture("web1", 2.0, now))
    return [(each.kind, each.thing, each.change) for each in found if each.counts]


def rewrite(machine: Machine, text: str) -> None:
    """Exchange the program, and its digest."""
    (machine.root / SSHD[1:]).write_text(text)
    sums = machine.root / SUMS
    sums.write_text(sums.read_text().replace(md5("good"), md5(text)))


def test_a_program_whose_digest_was_rewritten_too_is_seen_beside_the_picture_alone(machine: Machine) -> None:
    was = kinds(machine)
    assert (told(machine, was), differences(was, kinds(machine))) == ([], [])
    rewrite(machine, "evil")
    assert told(machine, None) == []
    assert told(machine, was) == [("package-rewritten", "critical", "openssh-server")]
    assert differences(was, kinds(machine)) == [(CONTENT, "openssh-server", "changed")]


def test_a_program_that_is_told_by_its_name_is_not_told_again_by_its_package(machine: Machine) -> None:
    was = kinds(machine)
    (machine.root / SSHD[1:]).write_text("evil")
    assert [each[2] for each in told(machine, was)] == [SSHD]


@pytest.mark.parametrize("gone", [SSHD[1:] + "\n", ""])
def test_a_file_that_is_in_no_list_any_more_is_seen(machine: Machine, gone: str) -> None:
    was, listed = kinds(machine), machine.root / SUMS.replace("md5sums", "list")
    listed.write_text(listed.read_text().replace(f"/{gone}" if gone else "nothing", ""))
    (machine.root / SUMS).write_text(f"{md5('read me')}  usr/share/doc/ssh\n")
    (machine.root / SSHD[1:]).write_text("evil")
    assert told(machine, was) == [("package-rewritten", "critical", "openssh-server")]


def test_an_update_and_a_changed_setting_need_no_explanation(machine: Machine) -> None:
    was = kinds(machine)
    (machine.root / "etc/ssh/sshd_config").write_text("Port 2222")
    assert differences(was, kinds(machine)) == []
    rewrite(machine, "newer")
    status = machine.root / STATUS
    status.write_text(status.read_text().replace("1.0-1", "1.0-2", 1))
    assert (differences(was, kinds(machine)), [each for each in told(machine, was) if each[1] != "informational"]) == (
        [],
        [],
    )


def test_what_was_changed_before_the_picture_and_not_since_is_a_note(machine: Machine) -> None:
    (machine.root / SSHD[1:]).write_text("built by us")
    assert [each[1] for each in told(machine, None)] == ["high"]
    assert [each[1] for each in told(machine, kinds(machine))] == ["informational"]


def test_an_older_picture_without_digests_of_packages_is_still_of_use(machine: Machine) -> None:
    was = {PACKAGE: kinds(machine)[PACKAGE]}
    rewrite(machine, "evil")
    assert (told(machine, was), differences(was, kinds(machine))) == ([], [])
