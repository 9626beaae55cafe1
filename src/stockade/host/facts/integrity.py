"""Files compared with what their packages say they should be: every file, or those through which everything passes.

Only digests are compared, as ``dpkg --verify`` does; the work goes to as many threads as there are processors, since a
digest is computed without holding the others up.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
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
    """A file of a package, and the digest it should have."""

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


def expected(packages: Packages) -> list[Expected]:
    """Every file of every package of which a digest is kept; those through which everything passes come first."""
    every = [
        Expected(path, name, digest) for name in packages.installed for path, digest in packages.digests(name).items()
    ]
    return sorted(every, key=lambda one: VITAL.match(one.path) is None)


def hurried(packages: Packages) -> list[Expected]:
    """Those that can be compared in a second: few names, and of each package only where it has one of them."""
    wanted = [
        (path, package)
        for path, package in packages.files()
        if ((name := path.rpartition("/")[2]) in FIRST or name.startswith("pam_")) and VITAL.match(path)
    ]
    digests = ((path, package, packages.digests(package).get(path)) for path, package in wanted)
    return [Expected(path, package, digest) for path, package, digest in digests if digest]


def compared(root: Path, wanted: list[Expected], packages: Packages) -> Iterator[Difference | int]:
    """Compare files in their order; gives the differences, and now and then how many are done."""
    tree = Tree(root)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, found in enumerate(pool.map(lambda one: _compare(tree, one), wanted, chunksize=64), 1):
            if found is not None:
                yield Difference(*found, is_setting=packages.is_setting(found[0]))
            if done % 500 == 0:
                yield done


def _compare(tree: Tree, one: Expected) -> tuple[str, str, State, int, float, bool] | None:
    place = tree.at(one.path)
    try:
        about = os.lstat(place)
        if not stat.S_ISREG(about.st_mode):  # the package brought a file, and a link lies there, or a device
            return (one.path, one.package, "changed", about.st_mode, about.st_ctime, False)
        digest, begins = _digest(place, one.digest)
    except (FileNotFoundError, NotADirectoryError):
        return (one.path, one.package, "missing", 0, 0.0, False)
    except OSError:
        return (one.path, one.package, "unreadable", 0, 0.0, False)
    if digest == one.digest:
        return None
    return (one.path, one.package, "changed", about.st_mode, about.st_ctime, begins == b"\x7fELF")


def _digest(place: str, like: str) -> tuple[str, bytes]:
    """The digest of a file by the algorithm of another, and its first four octets; leaves its time of access alone."""
    counted, begins = hashlib.new(DIGESTS.get(len(like), "sha256"), usedforsecurity=False), b""
    with opened(place, follow=False) as file:
        while octets := file.read(CHUNK):
            begins = begins or octets[:4]
            counted.update(octets)
            if file.tell() > LARGEST:
                return "", begins
    return counted.hexdigest(), begins
