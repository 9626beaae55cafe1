"""What a walk over all files finds: rights of others, files where none belong; and what it says it has not seen."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.host.facts import capabilities, packages, walked
from stockade.host.facts.walked import Special, Walked
from stockade.host.triage import privileged
from stockade.host.triage.report import NOTE
from tests.host.disk.machines import Machine

SETUID_AND_NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 7 | 1 << 13, 0, 0, 0)
"""As setcap writes it: revision 2, effective."""


def walk(root: Path, seconds: float = 60.0) -> Walked:
    found = Walked()
    for _ in walked.walk(root, found, seconds=seconds):
        pass
    return found


def test_capabilities_are_read_by_name() -> None:
    assert capabilities.permitted(SETUID_AND_NET_RAW) == ("setuid", "net_raw")
    bpf = struct.pack("<IIIIII", 0x03000001, 0, 0, 1 << 7, 0, 0)
    assert capabilities.permitted(bpf) == ("bpf",)


@given(st.binary(max_size=40))
def test_any_attribute_can_be_read(octets: bytes) -> None:
    assert set(capabilities.permitted(octets)) <= set(capabilities.NAMES)


def test_a_program_with_capabilities_is_found_and_one_that_a_package_brought_is_not(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a program capabilities")
    for path in ("/usr/bin/ping", "/opt/tool", "/usr/bin/python3"):
        os.setxattr(machine.file(path, "\x7fELF", 0o755), "security.capability", SETUID_AND_NET_RAW)
    machine.package("iputils-ping", {"/usr/bin/ping": "\x7fELF"})
    os.setxattr(machine.root / "usr/bin/ping", "security.capability", SETUID_AND_NET_RAW)
    known, _ = packages.read(machine.root)
    told = {each.subject.id: each.severity for each in privileged.odd("web1", walk(machine.root).special, known)}
    assert told == {"/opt/tool": "high", "/usr/bin/python3": "critical"}


def test_programs_of_other_package_managers_and_in_hidden_folders_are_notes(machine: Machine) -> None:
    machine.package("base", {"/usr/bin/true": "true"})
    machine.file("/opt/app/node_modules/electron/dist/chrome-sandbox", "\x7fELF", 0o4755)
    machine.file("/tmp/.mount_App/app", "\x7fELF", 0o755)
    machine.file("/tmp/build/x", "\x7fELF", 0o755)  # a program where anybody can write says nothing by itself
    machine.file("/var/tmp/script", "#!/bin/sh\n", 0o755)
    known, _ = packages.read(machine.root)
    told = {each.subject.id: each.severity for each in privileged.odd("web1", walk(machine.root).special, known)}
    assert told == {"/opt/app/node_modules/electron/dist/chrome-sandbox": NOTE, "/tmp/.mount_App/app": NOTE}


def test_a_picture_has_what_runs_with_rights_of_others(machine: Machine) -> None:
    machine.file("/usr/bin/su", "\x7fELF", 0o4755)
    machine.file("/tmp/su", "\x7fELF", 0o4755)  # what comes and goes is none of a picture's
    assert list(walked.rights(machine.root)) == ["/usr/bin/su"]
    before = walked.rights(machine.root)["/usr/bin/su"]
    machine.file("/usr/bin/su", "\x7fELF, and more", 0o4755)
    assert before.startswith("104755 ")
    assert walked.rights(machine.root)["/usr/bin/su"] != before  # the program is another one


def test_without_a_database_of_packages_only_what_does_as_it_is_told_is_odd() -> None:
    nothing, _ = packages.read(Path("/nowhere"))
    found = [Special("setuid", path, 0o104755, 0, 0, 0.0, (), True) for path in ("/usr/bin/su", "/usr/bin/python3.11")]
    assert [each.subject.id for each in privileged.odd("web1", found, nothing)] == ["/usr/bin/python3.11"]


def test_what_the_walk_has_not_been_in_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.file("/var/lib/docker/overlay2/x/diff/usr/bin/su", "\x7fELF", 0o4755)
    for number in range(30):
        machine.file(f"/srv/{number}/file")
    assert [each.what for each in walk(machine.root).unseen] == ["/var/lib/docker"]
    monkeypatch.setattr(walked, "EACH", 10)
    cut = walk(machine.root, seconds=-1.0)
    assert [each.why for each in cut.unseen] == ["holds other machines' files, as of containers", "the walk took -1 s"]
