"""Whose a file is: what dpkg, rpm and apk say, with the traps that make healthy machines look taken over."""

from __future__ import annotations

import base64
import hashlib
import random
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.host.facts import dpkg, packages, rpm
from stockade.host.facts.packages import Packages
from tests.host.disk.machines import Machine, md5


def read(machine: Machine) -> Packages:
    found, unseen = packages.read(machine.root)
    assert unseen == ()
    return found


def test_a_file_is_owned_however_its_path_is_spelled(machine: Machine) -> None:
    machine.package("util-linux", {"/bin/su": "su", "/usr/bin/mount": "mount"})
    found = read(machine)
    assert [found.owner(path) for path in ("/bin/su", "/usr/bin/su", "/bin/mount")] == ["util-linux"] * 3
    assert found.digest("/usr/bin/su") == md5("su")
    assert found.owner("/usr/bin/implant") is None


def test_what_was_chosen_among_alternatives_belongs_to_the_package_chosen(machine: Machine) -> None:
    machine.package("mawk", {"/usr/bin/mawk": "awk"})
    machine.link("/usr/bin/awk", "/etc/alternatives/awk")
    machine.link("/etc/alternatives/awk", "/usr/bin/mawk")
    assert read(machine).owner("/bin/awk") == "mawk"


def test_a_link_that_is_no_alternative_belongs_to_nobody_whatever_it_leads_to(machine: Machine) -> None:
    machine.package("bash", {"/usr/bin/bash": "bash"})
    machine.link("/usr/local/bin/updater", "/usr/bin/bash")
    assert read(machine).owner("/usr/local/bin/updater") is None


def test_a_diverted_file_belongs_to_who_was_moved_and_its_place_to_who_took_it(machine: Machine) -> None:
    machine.file("/var/lib/dpkg/diversions", "/usr/bin/pg_config\n/usr/bin/pg_config.libpq-dev\npostgresql-common\n")
    machine.package("libpq-dev", {"/usr/bin/pg_config": "the library's"})
    machine.file("/usr/bin/pg_config.libpq-dev", "the library's")
    machine.package("postgresql-common", {"/usr/bin/pg_config": "the common one"})
    found = read(machine)
    assert found.owner("/usr/bin/pg_config.libpq-dev") == "libpq-dev"
    assert found.owner("/usr/bin/pg_config") == "postgresql-common"
    assert found.digest("/usr/bin/pg_config.libpq-dev") == md5("the library's")
    assert found.digest("/usr/bin/pg_config") == md5("the common one")


def test_settings_that_a_package_made_when_it_was_set_up_belong_to_it(machine: Machine) -> None:
    machine.package("openssh-server", {"/usr/sbin/sshd": "sshd"}, {"/etc/init.d/ssh": "#!/bin/sh"})
    machine.file("/var/lib/ucf/registry", "openssh-server \t /etc/ssh/sshd_config\n")
    found = read(machine)
    assert found.owner("/etc/ssh/sshd_config") == "openssh-server"
    assert found.is_setting("/etc/init.d/ssh")
    assert found.digest("/etc/init.d/ssh") == md5("#!/bin/sh")


def test_a_removed_package_owns_nothing_and_one_twice_installed_is_two(machine: Machine) -> None:
    machine.package("gone", {"/usr/bin/gone": ""})
    machine.package("libc6:amd64", {"/usr/lib/libc.so.6": "64"})
    status = machine.root / "var/lib/dpkg/status"
    text = status.read_text().replace(
        "Package: gone\nStatus: install ok installed", "Package: gone\nStatus: deinstall ok config-files"
    )
    status.write_text(text.replace("Package: libc6:amd64", "Package: libc6"))
    found = read(machine)
    assert found.owner("/usr/bin/gone") is None
    assert found.owner("/lib/libc.so.6") == "libc6:amd64"
    assert found.installed["libc6:amd64"].name == "libc6"


def test_a_package_whose_list_is_gone_is_said_not_passed_over(machine: Machine) -> None:
    machine.package("coreutils", {"/usr/bin/ls": "ls"})
    (machine.root / "var/lib/dpkg/info/coreutils.list").unlink()
    _, unseen = packages.read(machine.root)
    assert [said.what for said in unseen] == ["the files of package coreutils"]


def test_links_in_a_copied_machine_never_lead_out_of_the_copy_and_circles_end(machine: Machine) -> None:
    machine.package("made-up", {"/usr/sbin/made-up": ""})
    machine.link("/sbin", "/usr/sbin")
    machine.link("/usr/one", "/usr/two")
    machine.link("/usr/two", "/usr/one")
    found = read(machine)
    assert found.owner("/sbin/made-up") == "made-up"
    with pytest.raises(ValueError, match="of the real one"):
        machine.file("/sbin/made-up", "never written")
    assert found.owner("/usr/one/x") is None


def test_alpine(machine: Machine) -> None:
    sha1 = hashlib.sha1(b"busybox", usedforsecurity=False)
    said = base64.b64encode(sha1.digest()).decode()
    machine.file(
        "/usr/lib/apk/db/installed",
        f"C:Q1x=\nP:busybox\nV:1.36.1-r5\nA:x86_64\no:busybox\nF:bin\nR:busybox\na:0:0:755\nZ:Q1{said}\nF:etc\nR:securetty\n\n",
    )
    found = read(machine)
    assert found.manager == "apk"
    assert found.owner("/usr/bin/busybox") == "busybox"
    assert found.digest("/bin/busybox") == sha1.hexdigest()
    assert found.is_setting("/etc/securetty")
    assert found.installed["busybox"].version == "1.36.1-r5"


def header(tags: dict[int, list[int] | list[str]]) -> bytes:
    """A header of rpm: the tags, then their values."""
    entries, values = b"", b""
    for tag, value in tags.items():
        numbers = all(isinstance(one, int) for one in value)
        entries += struct.pack(">IIII", tag, 4 if numbers else 8, len(values), len(value))
        values += (
            struct.pack(f">{len(value)}I", *value) if numbers else b"".join(str(one).encode() + b"\0" for one in value)
        )
    return struct.pack(">II", len(tags), len(values)) + entries + values


BASH: dict[int, list[int] | list[str]] = {
    rpm.Tag.NAME: ["bash"],
    rpm.Tag.VERSION: ["5.2.26"],
    rpm.Tag.RELEASE: ["3.el10"],
    rpm.Tag.WHEN: [1_700_000_000],
    rpm.Tag.SOURCE: ["bash-5.2.26-3.el10.src.rpm"],
    rpm.Tag.FOLDER_OF: [0, 1],
    rpm.Tag.NAMES: ["bash", "bashrc"],
    rpm.Tag.FOLDERS: ["/usr/bin/", "/etc/"],
    rpm.Tag.DIGESTS: ["ab" * 32, "cd" * 32],
    rpm.Tag.FLAGS: [0, 1],
}


def test_red_hat_and_its_like(machine: Machine) -> None:
    place = machine.file("/var/lib/rpm/rpmdb.sqlite")
    database = sqlite3.connect(place)
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    database.execute("INSERT INTO Packages (blob) VALUES (?), (?)", (header(BASH), b"cut off"))
    database.commit()
    database.close()
    found, unseen = packages.read(machine.root)
    assert found.owner("/bin/bash") == "bash"
    assert found.digest("/bin/bash") == "ab" * 32
    assert [found.is_setting(path) for path in ("/etc/bashrc", "/usr/bin/bash")] == [True, False]
    assert (found.installed["bash"].version, found.installed["bash"].source) == ("5.2.26-3.el10", "bash")
    assert [said.what for said in unseen] == ["package 2 in /var/lib/rpm/rpmdb.sqlite"]
    assert sorted(path.name for path in place.parent.iterdir()) == ["rpmdb.sqlite"]  # nothing was written beside it
    place.with_name("rpmdb.sqlite-wal").write_bytes(b"not yet in it")
    assert "the newest packages" in {said.what for said in packages.read(machine.root)[1]}


@given(st.binary(max_size=200), st.integers(0, 200))
def test_a_damaged_header_is_refused_and_never_misread_for_long(noise: bytes, at: int) -> None:
    blob = header(BASH)
    damaged = blob[:at] + noise + blob[at + len(noise) :]
    try:
        list(rpm.files(rpm.header(damaged)))
    except (ValueError, IndexError, struct.error):
        return


@given(st.text())
def test_any_text_can_be_read_as_a_status(text: str) -> None:
    for stanza in dpkg.stanzas("Package: x\nStatus: install ok installed\n" + text):
        assert stanza.package.name


def test_a_machine_without_a_database_says_so(tmp_path: Path) -> None:
    found, unseen = packages.read(tmp_path)
    assert not found
    assert [said.what for said in unseen] == ["packages"]


def test_this_machine_owns_its_programs_and_dpkg_agrees(real_packages: Packages) -> None:
    """Where only spellings are compared, hundreds of programs belong to nobody, ``su`` among them."""
    programs = [str(path) for folder in ("/usr/bin", "/usr/sbin") for path in sorted(Path(folder).iterdir())]
    nobody = [path for path in programs if real_packages.owner(path) is None]
    assert len(nobody) < len(programs) / 10, nobody
    some = random.Random(5).sample([path for path in programs if not Path(path).is_symlink()], 40)
    said = subprocess.run(["dpkg", "-S", *some], capture_output=True, text=True, check=False).stdout.splitlines()
    theirs = {
        path: name for name, _, path in (line.partition(": ") for line in said) if not name.startswith("diversion")
    }
    assert len(theirs) > 20
    assert {path: real_packages.owner(path) for path in theirs} == {
        path: real_packages.owner(path) if "," in name else name for path, name in theirs.items()
    }


@pytest.mark.parametrize("spelled", ["/bin/su", "/usr/bin/su"])
def test_su_is_of_util_linux(real_packages: Packages, spelled: str) -> None:
    assert real_packages.owner(spelled) == "util-linux"
