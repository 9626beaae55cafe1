"""Files compared with what their packages say they should be: every file, or those through which everything passes.

Only digests are compared, as ``dpkg --verify`` does; the work goes to as many threads as there are processors, since a
digest is computed without holding the others up.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from stockade.host.facts.packages import Packages
from stockade.host.facts.tree import Tree, opened

State = Literal["same", "changed", "missing", "unreadable"]
DIGESTS: Final = {32: "md5", 40: "sha1", 64: "sha256"}
CHUNK: Final = 1 << 20
LARGEST: Final = 2 << 30
"""Octets of a file of which a digest is made; no package has a longer one, and one made so would never end."""
VITAL: Final = re.compile(
    r"/usr/(?:local/)?s?bin/|/usr/lib(?:64)?/(?:[\w-]+/)?security/|/etc/(?:pam\.d|ssh|security|sudoers)|/usr/lib/systemd/"
    r"|/usr/lib(?:exec)?/(?:openssh|sudo|polkit-1|dbus-1\.0)/|/usr/lib(?:64|32)?/(?:[\w-]+/)?(?:ld-|ld\.so|libc[.-]|libpam|"
    r"libcrypt|libssl|libcrypto|libselinux|libaudit|libsystemd|liblzma|libnss_)[^/]*$|/etc/ld\.so"
)
"""Programs, PAM, sshd, sudo, systemd, and the libraries under all of them."""
FIRST: Final = frozenset(
    {"sshd", "ssh", "sudo", "su", "login", "passwd", "bash", "dash", "sh", "ls", "ps", "ss", "netstat", "top", "lsof"}
    | {"find", "cat", "cron", "systemctl", "journalctl", "agetty", "unix_chkpwd", "mount", "umount", "systemd", "getty"}
    | {"systemd-executor", "systemd-logind", "init", "curl", "wget", "git", "nginx", "ld.so", "libc.so.6", "dockerd"}
    | {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "chsh", "chfn", "newgrp", "crontab", "at", "runc", "libc.musl"}
)
"""What is looked at even in a hurry, with the modules of PAM, as it is what intruders change."""


class Expected(NamedTuple):
    """A file of a package, and the digest it should have; empty where the database has none."""

    path: str
    package: str
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as its package says. ``changed`` is its st_ctime; ``is_program`` whether it is ELF now."""

    path: str
    package: str
    state: State
    mode: int = 0
    changed: float = 0.0
    is_program: bool = False
    is_setting: bool = False


class Contents:
    """What files of packages hold, as it was read: a digest for each package, for whoever does not believe the database
    of the machine. Settings are left out, as they are there to be changed.
    """

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self._read = defaultdict[str, list[tuple[str, str]]](list)

    def note(self, one: Expected, digest: str) -> None:
        """A file, and the SHA-256 of what was read of it, or else what was there."""
        if not self._packages.is_setting(one.path):
            self._read[one.package].append((one.path, digest))

    def digests(self) -> Mapping[str, str]:
        """Package -> the SHA-256 of all its paths and their digests, in hexadecimal."""
        lines = {
            name: "".join(f"{path}\0{digest}\n" for path, digest in sorted(found)) for name, found in self._read.items()
        }
        return {
            name: hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() for name, text in lines.items()
        }


def expected(packages: Packages, *, all_files: bool = False) -> list[Expected]:
    """Every file of every package of which a digest is kept, or all there are; those through which everything passes
    come first.
    """
    every = [
        Expected(path, name, digest) for name in packages.installed for path, digest in packages.digests(name).items()
    ]
    if all_files:
        known = {one.path for one in every}
        every += [Expected(path, name, "") for path, name in packages.files() if path not in known]
    return sorted(every, key=lambda one: VITAL.match(one.path) is None)


def contents(root: Path, packages: Packages) -> Mapping[str, str]:
    """Package -> the digest of all that its files hold."""
    found = Contents(packages)
    wanted = [one._replace(digest="") for one in expected(packages, all_files=True)]  # nothing is compared
    for _ in compared(root, wanted, packages, found):
        pass
    return found.digests()


def hurried(packages: Packages) -> list[Expected]:
    """Those that can be compared in a second: few names, and of each package only where it has one of them."""
    wanted = [
        (path, package)
        for path, package in packages.files()
        if ((name := path.rpartition("/")[2]) in FIRST or name.startswith("pam_")) and VITAL.match(path)
    ]
    digests = ((path, package, packages.digests(package).get(path)) for path, package in wanted)
    return [Expected(path, package, digest) for path, package, digest in digests if digest]


def compared(
    root: Path, wanted: list[Expected], packages: Packages, contents: Contents | None = None
) -> Iterator[Difference | int]:
    """Compare files in their order; gives the differences, and now and then how many are done. What they hold goes into
    ``contents``, where it is wanted.
    """
    tree, also = Tree(root), contents is not None
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        seen = pool.map(lambda one: _seen(tree, one, also=also), wanted, chunksize=64)
        for done, (one, found) in enumerate(zip(wanted, seen, strict=True), 1):
            if contents is not None and found.holds:
                contents.note(one, found.holds)
            if found.state != "same":
                facts = (found.mode, found.changed, found.is_program, packages.is_setting(one.path))
                yield Difference(one.path, one.package, found.state, *facts)
            if done % 500 == 0:
                yield done


class _Seen(NamedTuple):
    """What was met at the place of a file, and what it ``holds``, where that is wanted; empty for a folder."""

    state: State
    holds: str = ""
    mode: int = 0
    changed: float = 0.0
    is_program: bool = False


def _seen(tree: Tree, one: Expected, *, also: bool) -> _Seen:
    place = tree.at(one.path)
    try:
        about = os.lstat(place)
        if stat.S_ISREG(about.st_mode):
            digest, holds, begins = _digests(place, one.digest, also=also)
            state: State = "changed" if one.digest and digest != one.digest else "same"
            return _Seen(state, holds, about.st_mode, about.st_ctime, begins == b"\x7fELF")
        # where the package brought a file, something else lies: mostly a link
        holds = f"link {os.readlink(place)}" if stat.S_ISLNK(about.st_mode) else ""  # noqa: PTH115
        return _Seen("changed" if one.digest else "same", holds, about.st_mode, about.st_ctime)
    except (FileNotFoundError, NotADirectoryError):
        return _Seen("missing" if one.digest else "same", "nothing")
    except OSError:
        return _Seen("unreadable" if one.digest else "same", "unreadable")


def _digests(place: str, like: str, *, also: bool) -> tuple[str, str, bytes]:
    """The digest of a file by the algorithm of another, its SHA-256 where that is wanted too, and its first octets; no
    digest of one that is larger than any package brings. Leaves its time of access alone.
    """
    counted, begins = hashlib.new(DIGESTS.get(len(like), "sha256"), usedforsecurity=False), b""
    second = hashlib.sha256() if also and counted.name != "sha256" else counted
    with opened(place, follow=False) as file:
        while octets := file.read(CHUNK):
            begins = begins or octets[:4]
            counted.update(octets)
            if second is not counted:
                second.update(octets)
            if file.tell() > LARGEST:
                return "", "too large", begins
    return counted.hexdigest(), second.hexdigest(), begins
