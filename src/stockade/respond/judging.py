"""One backup, looked through: whether a trace of the intruder is in it, and what of it is as it was when all was good.

Nothing is called clean that was not looked at: a trace that could not be looked for is a doubt, and a doubt is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stockade.host.backups.listed import BackedUp, Backup

DAY: Final = 86_400.0
NAMED: Final = 5
"""How many files a judgement names."""


class Verdict(StrEnum):
    """What is thought of a backup."""

    CLEAN = "clean"
    TAINTED = "tainted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Indicator:
    """Something that shows the intruder: a ``path``, a ``sha256``, an ``account`` or a ``key``; ``why`` it does."""

    kind: str
    value: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Evil:
    """What is known of the intruder: since when, seconds since the epoch, None when nobody knows; and the traces."""

    first: float | None = None
    indicators: tuple[Indicator, ...] = ()

    def of(self, kind: str) -> frozenset[str]:
        """The values of the indicators of a kind."""
        return frozenset(each.value for each in self.indicators if each.kind == kind)


@dataclass(frozen=True, slots=True)
class Judged:
    """A backup and what is thought of it: why, by which files, and whether it was opened or is told from others."""

    backup: Backup
    verdict: Verdict
    why: str
    files: tuple[str, ...] = ()
    opened: bool = True


_RUNS: Final = (
    *("/bin/", "/sbin/", "/lib", "/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/local/", "/etc/cron", "/etc/systemd/"),
    *("/etc/init.d/", "/etc/pam.d/", "/etc/ld.so", "/etc/ssh/", "/etc/sudoers", "/etc/profile", "/root", "/opt/"),
)
"""Where what is changed may run, or let somebody in."""
_NEW: Final = re.compile(
    r"/(?:usr/)?s?bin/|/usr/local/s?bin/|/etc/(?:cron|systemd/|init\.d/|rc|pam\.d/|ld\.so|sudoers|profile|ssh/|update-motd)"
    r"|/var/spool/cron/|/(?:usr/)?lib/systemd/system/|.*/\.ssh/authorized_keys2?$|.*/\.(?:bashrc|profile|bash_profile)$"
)
"""Where a file that was not there before may be how somebody comes back."""
_TOPS: Final = frozenset({"etc", "usr", "var", "bin", "sbin", "lib", "boot", "home", "root", "opt"})
"""Folders in the root of a machine, by which the root is known in a backup that has something before it."""
_FLEETING: Final = frozenset({"tmp", "run", "dev", "proc", "sys"})
"""Folders of which a backup says nothing, even when they are in it."""
_LATER: Final = 3
"""How many files from long after a backup was taken show that it was not taken then: one may be a mistake."""


def judge(backup: Backup, files: Iterable[BackedUp], evil: Evil, baseline: Mapping[str, str]) -> Judged:
    """Look through a backup. ``baseline`` are the digests (SHA-256) of the machine when it was known to be good.

    Tainted is what has a trace of the intruder; unknown what cannot be compared, or differs where something runs.
    """
    look = _Look(backup, evil, baseline)
    for each in files:
        look.at(each)
    if look.traces:
        return Judged(backup, Verdict.TAINTED, "; ".join(look.traces[:NAMED]), tuple(look.tainted[:NAMED]))
    why, named = look.doubt()
    if why:
        return Judged(backup, Verdict.UNKNOWN, why, tuple(named[:NAMED]))
    return Judged(backup, Verdict.CLEAN, look.said())


_UNLISTED: Final = "nothing tells what is in it: hand in its list, such as borg list --json-lines or restic ls --json"


class _Look:
    """What was seen of one backup so far; of as many files as there may be, only what matters is kept."""

    def __init__(self, backup: Backup, evil: Evil, baseline: Mapping[str, str]) -> None:
        self.baseline, self.whys = baseline, {str(each): each.why for each in evil.indicators}
        self.paths, self.digests = evil.of("path"), evil.of("sha256")
        self.names = frozenset(str(each) for each in evil.indicators if each.kind in {"account", "key"})
        self.latest = backup.taken + backup.spread + DAY if backup.taken is not None else float("inf")
        self.seen = self.compared = self.without = self.unread = self.lists = self.later = 0
        self.root: str | None = None
        self.tops = set[str]()
        self.traces: list[str] = []
        self.tainted: list[str] = []
        self.differ: list[str] = []

    def at(self, each: BackedUp) -> None:
        """Look at a file, or whatever else is there."""
        path = self._rooted(each.path)
        self.tops.add(path.split("/", 2)[1])
        for trace in self._traces(each, path):
            self.traces.append(f"{trace} ({self.whys[trace]})" if self.whys.get(trace) else trace)
            self.tainted.append(each.path)
        self.unread += each.names is None
        self.lists += bool(each.names) and path.endswith("/etc/passwd")
        if each.plain:
            self.seen += 1
            self.without += not each.sha256
            self.later += each.mtime is not None and each.mtime > self.latest
            self._compare(path, each.sha256)

    def doubt(self) -> tuple[str, list[str]]:
        """Why it cannot be called clean, and the files that it is about; empty when it can."""
        if not self.seen:
            return _UNLISTED, []
        if self.later >= _LATER:
            return f"{self.later:,} files in it were changed after it is said to have been taken", []
        if blind := self._blind():
            return blind, []
        if self.differ:
            why = f"{len(self.differ)} files that run, or let in, are new or not as in the baseline: look at them"
            return why, self.differ
        if not self.compared and len(self.unanswered) == len(self.whys):
            return self._nothing(), []
        return "", []

    def said(self) -> str:
        """What was looked at."""
        asked, left = len(self.whys), self.unanswered
        traces = f"{asked - len(left)} of {asked} traces" if left else f"{asked} trace{'s' * (asked != 1)}"
        without = f"; not looked for, as nothing of its folder is in it: {', '.join(left[:NAMED])}" if left else ""
        against = f" and {self.compared:,} of them with the baseline" if self.baseline else ""
        return f"{self.seen:,} file{'s' * (self.seen != 1)} compared with {traces}{against}{without}"

    @property
    def unanswered(self) -> list[str]:
        """The traces that cannot be looked for, as nothing of their folder is in it."""
        known = self.tops - _FLEETING
        return [f"path:{path}" for path in sorted(self.paths) if path.split("/", 2)[1] not in known]

    def _blind(self) -> str:
        """What was asked for and cannot be read in it."""
        if self.without and (self.digests or (self.baseline and not self.compared)):
            return f"{self.without:,} of its {self.seen:,} files are listed without a digest, which was asked for"
        if self.names and self.unread:
            return "it is not told which accounts and keys are in it: hand in the backup itself, or a manifest of it"
        if any(each.startswith("account:") for each in self.names) and not self.lists:
            return "no list of accounts, /etc/passwd, is in it"
        if self.baseline and not self.compared:
            return "none of the files of the baseline is in it"
        return ""

    def _nothing(self) -> str:
        if self.paths:
            return f"nothing of the folders is in it in which there were traces: {', '.join(self.unanswered[:NAMED])}"
        return "there is nothing to compare it with: name traces by --indicator, or a --baseline"

    def _rooted(self, path: str) -> str:
        """The path as the machine writes it: what comes before the root is known by the first familiar folder."""
        if self.root is None:
            parts = path.split("/")
            top = next((at for at, part in enumerate(parts) if part in _TOPS), None)
            self.root = "/".join(parts[:top]) if top is not None else None
        shorter = path.removeprefix(self.root) if self.root else path
        return shorter if shorter.startswith("/") else path

    def _compare(self, path: str, digest: str) -> None:
        known = self.baseline.get(path)
        self.compared += bool(known and digest)
        changed = bool(known and digest) and known != digest and path.startswith(_RUNS)
        if changed or (self.baseline and known is None and _NEW.match(path)):
            self.differ.append(path)

    def _traces(self, each: BackedUp, path: str) -> Iterator[str]:
        if self.paths:
            yield from (f"path:{above}" for above in {*_above(path), *_above(each.path)} if above in self.paths)
        if each.sha256 and each.sha256 in self.digests:
            yield f"sha256:{each.sha256}"
        yield from (name for name in each.names or () if name in self.names)


def _above(path: str) -> Iterator[str]:
    """A path and the folders that it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]
