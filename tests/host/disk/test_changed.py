"""Files of packages that were changed: a program is told by itself, a thousand that renew themselves are a note."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from stockade.host.facts import integrity, packages
from stockade.host.facts.integrity import Difference
from stockade.host.facts.packages import Packages
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import changed, looking
from stockade.host.triage.disk import looks
from stockade.host.triage.looks import looked
from stockade.host.triage.report import NOTE
from stockade.host.triage.seen import Facts
from tests.host.disk.machines import Machine

COPIED = ("hostname", "login")


@pytest.fixture
def copied(tmp_path: Path, real_packages: Packages) -> Iterator[Path]:
    """A root folder with two packages of this machine, so that their files can be changed."""
    root = tmp_path / "copied"
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    stanzas = Path("/var/lib/dpkg/status").read_text().split("\n\n")
    kept = [stanza for stanza in stanzas if stanza.startswith(tuple(f"Package: {name}\n" for name in COPIED))]
    (root / "var/lib/dpkg/status").write_text("\n\n".join(kept) + "\n")
    for name in COPIED:
        for file in Path("/var/lib/dpkg/info").glob(f"{name}.*"):
            shutil.copy2(file, info)
        for path in (path for path, owner in real_packages.files() if owner == name and not Path(path).is_dir()):
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, root / path[1:], follow_symlinks=False)
    for merged in ("bin", "sbin", "lib"):
        (root / merged).symlink_to(f"usr/{merged}")
    yield root
    shutil.rmtree(root)  # some of it runs as root


def differences(root: Path) -> dict[str, str]:
    """Path -> state of what differs under a root."""
    found, _ = packages.read(root)
    compared = integrity.compared(root, integrity.expected(found), found)
    return {each.path: each.state for each in compared if isinstance(each, Difference)}


def verified(root: Path) -> dict[str, str]:
    """The same, as dpkg itself says it."""
    asked = ["dpkg", f"--root={root}", "--verify", *COPIED]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    lines = [line.split(None, 1) for line in said.splitlines()]
    found = {re.sub(r"^c\s+", "", rest): "missing" if word == "missing" else "changed" for word, rest in lines}
    return {re.sub(r"^/(s?bin)/", r"/usr/\1/", path): state for path, state in found.items()}


def test_one_changed_octet_is_found_and_dpkg_finds_the_same(copied: Path) -> None:
    assert differences(copied) == verified(copied) == {}
    program, page = copied / "usr/bin/hostname", next((copied / "usr/share/man/man1").glob("hostname*"))
    octets = bytearray(program.read_bytes())
    octets[-1] ^= 1
    program.write_bytes(octets)
    page.unlink()
    (copied / "etc/login.defs").write_text("UMASK 022\n")
    expected = {"/usr/bin/hostname": "changed", "/usr/share/man/man1/hostname.1.gz": "missing"}
    assert differences(copied) == verified(copied) == {**expected, "/etc/login.defs": "changed"}


def test_a_changed_program_is_told_with_the_way_to_prove_it(copied: Path) -> None:
    (copied / "usr/bin/hostname").write_bytes(b"\x7fELF, and something else")
    told = list(looked(looks(Facts(looking.Machine(copied, "web1", time.time())))))
    worst = [each for each in told if isinstance(each, Oddity) and each.severity != NOTE]
    assert [(each.signal, each.severity) for each in worst] == [("package-file", "high")]
    assert worst[0].title == "/usr/bin/hostname of hostname is not as the package brought it"
    assert worst[0].look.startswith("apt-get download hostname && dpkg-deb --fsys-tarfile hostname_*.deb")
    proof = [each.title for each in told if isinstance(each, Oddity) and each.signal == "package-proof"]
    assert len(proof) == 1
    assert "no proof" in proof[0]
    assert any(isinstance(each, looking.Progress) and each.what == "files of packages" for each in told)


def told(machine: Machine, found: Iterable[Difference]) -> list[Oddity | Unseen]:
    known, _ = packages.read(machine.root)
    return list(changed.odd("web1", list(found), known))


def test_what_renews_itself_is_a_note_whatever_its_size(machine: Machine) -> None:
    machine.package("nodejs", {"/usr/bin/node": ""})
    tree = "/usr/lib/node_modules/npm"
    renewed = [Difference(f"{tree}/lib/{number}.js", "nodejs", "changed", 0o100644) for number in range(785)]
    gone = [Difference(f"{tree}/docs/{number}.md", "nodejs", "missing") for number in range(378)]
    native = Difference(f"{tree}/bin/x.node", "nodejs", "changed", 0o100755, is_program=True)
    notes = [each for each in told(machine, [*renewed, *gone, native]) if isinstance(each, Oddity)]
    assert [(each.severity, each.title) for each in notes] == [
        (NOTE, f"786 files of nodejs are not as it brought them, under {tree}"),
        (NOTE, f"378 files of nodejs are missing, under {tree}/docs"),
    ]


@pytest.mark.parametrize(
    ("path", "how", "severity"),
    [
        ("/usr/bin/passwd", {"mode": 0o104755, "is_program": True}, "critical"),
        ("/usr/sbin/sshd", {"mode": 0o100755, "is_program": True}, "high"),
        ("/usr/lib/x86_64-linux-gnu/security/pam_unix.so", {"mode": 0o100644, "is_program": True}, "high"),
        ("/usr/lib/systemd/system/ssh.service", {"mode": 0o100644}, "high"),
        ("/usr/lib/x86_64-linux-gnu/libfoo.so.1", {"mode": 0o100644, "is_program": True}, "high"),
        ("/usr/bin/editor", {"mode": 0o120777}, "medium"),
        ("/usr/share/doc/x/README", {"mode": 0o100644}, NOTE),
        ("/etc/ssh/ssh_config", {"mode": 0o100644, "is_setting": True}, NOTE),
        ("/usr/lib/python3/dist-packages/pip/_vendor/cacert.pem", {"mode": 0o100644}, NOTE),
    ],
)
def test_how_bad_a_change_is(machine: Machine, path: str, how: dict[str, int], severity: str) -> None:
    machine.package("x", {"/usr/bin/x": ""})
    difference = Difference(
        path, "x", "changed", how["mode"], 0.0, bool(how.get("is_program")), is_setting=bool(how.get("is_setting"))
    )
    assert [each.severity for each in told(machine, [difference]) if isinstance(each, Oddity)] == [severity]


def test_what_cannot_be_read_is_not_taken_for_unchanged(machine: Machine) -> None:
    machine.package("x", {"/usr/bin/x": ""})
    assert [type(each) for each in told(machine, [Difference("/usr/bin/x", "x", "unreadable")])] == [Unseen]


def test_this_machine_has_nothing_above_a_note(real_packages: Packages) -> None:
    """The real one, in a hurry: what other tests plant meanwhile lies in the folder for temporary files."""
    facts = Facts(looking.Machine(Path("/"), os.uname().nodename, time.time(), thorough=False))
    facts.packages = real_packages
    found = [each for each in looked(looks(facts)) if isinstance(each, Oddity)]
    ours = [each for each in found if not each.subject.id.startswith(tempfile.gettempdir())]
    assert [each.title for each in ours if each.severity != NOTE] == []
    assert any(each.signal == "package-proof" for each in ours)
