"""Log files of a machine: when their lines were written, who signed in by them, and how the files themselves look."""

from __future__ import annotations

import calendar
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from stockade.host.facts.journal import Journal
from stockade.host.facts.logins import Last, Records, last, records
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

AUTH: Final = ("/var/log/auth.log", "/var/log/secure")
TEXTS: Final = (
    *AUTH,
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/kern.log",
    "/var/log/daemon.log",
    "/var/log/cron",
)
LARGEST: Final = 8 << 20
"""Octets of the end of a log that are read."""
MONTHS: Final = {name: number for number, name in enumerate(calendar.month_abbr) if name}
OLD: Final = re.compile(r"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) ")
NEW: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)? ")
ACCEPTED: Final = re.compile(
    r"(?:\S+ +\S+ +\S+|\S+) \S+ sshd(?:-session)?\[\d+\]: Accepted \S+ for (\S+) from (\S+) port \d+"
)
"""From the beginning of the line: a name that somebody tries to sign in with can hold all the rest."""
CLOCKS: Final = ("chronyd[", "ntpd[", "systemd-timesyncd[", "systemd[1]", "ntpdate[")
Local = Callable[[tuple[int, int, int, int, int, int, int, int, int]], float]


class Accepted(NamedTuple):
    """A sign-in that sshd tells of."""

    time: float
    user: str
    source: str


@dataclass(frozen=True, slots=True)
class LogFile:
    """A text log. ``written`` is st_mtime; ``stamps`` are when its lines were written, as they stand in it.

    ``holes`` are octets of zeros at its beginning, as are left when a file is emptied under a program that writes it.
    ``set`` is when the log says that the clock was set. ``whole`` is whether all of it was read.
    """

    path: str
    size: int = 0
    written: float = 0.0
    link: str = ""
    stamps: tuple[float, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    holes: int = 0
    set: tuple[float, ...] = ()
    whole: bool = True

    def covers(self, moment: float) -> bool:
        """Whether a moment lies between its first line and its last."""
        return bool(self.stamps) and self.stamps[0] <= moment <= self.stamps[-1]


@dataclass(frozen=True, slots=True)
class Logs:
    """All logs of a machine that say who signed in, and what else was written at the time."""

    texts: tuple[LogFile, ...] = ()
    wtmp: Records = field(default_factory=Records)
    btmp: Records = field(default_factory=Records)
    lastlog: tuple[Last, ...] = ()
    journal: Journal = field(default_factory=Journal)
    links: tuple[tuple[str, str], ...] = ()
    emptied_in_place: frozenset[str] = frozenset()


def read(root: Path, journal: Journal) -> tuple[Logs, tuple[Unseen, ...]]:
    """The logs under a root; the journal is read by who asks, as it takes a program to do so."""
    tree, unseen = Tree(root), list[Unseen]()
    texts = tuple(text for path in TEXTS for text in _text(tree, path, unseen))
    wtmp, btmp = (records(_octets(tree, path, unseen)) for path in ("/var/log/wtmp", "/var/log/btmp"))
    lastlog = tuple(last(_octets(tree, "/var/log/lastlog", unseen)))
    links = tuple(
        (path, to) for path in (*TEXTS, "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog") if (to := tree.link(path))
    )
    return Logs(texts, wtmp, btmp, lastlog, journal, links, _copied(tree)), tuple(unseen)


def _text(tree: Tree, path: str, unseen: list[Unseen]) -> Iterator[LogFile]:
    if tree.resolved(path) == "/dev/null":
        return
    try:
        about = os.stat(tree.at(path))  # noqa: PTH116
        octets = tree.octets(path, LARGEST, last=True)
    except FileNotFoundError:
        return
    except OSError as error:
        unseen.append(Unseen(path, str(error.strerror), "look again as root"))
        return
    if about.st_size > LARGEST:
        octets = octets[octets.find(b"\n") + 1 :]
    holes = len(octets) - len(octets.lstrip(b"\0"))
    text = octets[holes:].decode("utf-8", "replace")
    yield lines(LogFile(path, about.st_size, about.st_mtime, holes=holes, whole=about.st_size <= LARGEST), text)


def _octets(tree: Tree, path: str, unseen: list[Unseen]) -> bytes:
    if tree.resolved(path) == "/dev/null":
        return b""  # nothing is kept, which is told
    try:
        return tree.octets(path, 64 << 20)
    except FileNotFoundError:
        return b""
    except OSError as error:
        unseen.append(Unseen(path, str(error.strerror), "look again as root"))
        return b""


def _copied(tree: Tree) -> frozenset[str]:
    """Whether logrotate empties logs in place on this machine (copytruncate), and which."""
    found = set()
    for name in tree.names("/etc/logrotate.d"):
        try:
            text = tree.text(f"/etc/logrotate.d/{name}")
        except OSError:
            continue
        if re.search(r"^\s*copytruncate", text, re.MULTILINE):
            found |= set(re.findall(r"/var/log/[\w./-]+", text))
    return frozenset(found)


def lines(about: LogFile, text: str, local: Local = time.mktime) -> LogFile:
    """The log with what its lines say. ``local`` turns the machine's own time into seconds since the epoch."""
    stamps, accepted, clocks, stamp = list[float](), list[Accepted](), list[float](), _Stamp(about.written, local)
    for line in text.splitlines():
        moment = stamp(line)
        if moment is None:
            continue
        stamps.append(moment)
        found = ACCEPTED.match(line) if "Accepted" in line else None
        if found is not None:
            accepted.append(Accepted(moment, found[1], found[2]))
        elif _sets_clock(line[:400]):
            clocks.append(moment)
    said = (tuple(stamps), tuple(accepted), about.holes, tuple(clocks), about.whole)
    return LogFile(about.path, about.size, about.written, about.link, *said)


def _sets_clock(line: str) -> bool:
    """Whether a program that keeps the time says that it changed it."""
    said = line.lower()
    return (
        any(program in said for program in CLOCKS)
        and ("clock" in said or "time" in said)
        and any(word in said for word in ("step", " set", "chang", "jump"))
    )


class _Stamp:
    """Reads the stamp of a line: RFC 3339 with its zone, or the old one without a year, which the file's end tells."""

    def __init__(self, written: float, local: Local) -> None:
        self._written, self._local = written, local
        self._year = time.gmtime(written).tm_year
        self._hours: dict[tuple[int, ...], float] = {}

    def __call__(self, line: str) -> float | None:
        with suppress(ValueError, OverflowError):  # no day that there is
            return self._moment(line)
        return None

    def _moment(self, line: str) -> float | None:
        old = OLD.match(line)
        if old is not None and old[1] in MONTHS:
            month, day, hour, minute, second = MONTHS[old[1]], *map(int, old.group(2, 3, 4, 5))
            moment = self._at(self._year, month, day, hour) + minute * 60 + second
            if moment > self._written + 86400:  # written last year
                moment = self._at(self._year - 1, month, day, hour) + minute * 60 + second
            return moment
        new = NEW.match(line)
        return None if new is None else self._zoned(new)

    def _zoned(self, new: re.Match[str]) -> float:
        year, month, day, hour, minute, second = map(int, new.group(1, 2, 3, 4, 5, 6))
        if new[7] is None:
            return self._at(year, month, day, hour) + minute * 60 + second
        moment = calendar.timegm((year, month, day, hour, minute, second))
        if new[7] == "Z":
            return moment
        zone = int(new[7][1:3]) * 3600 + int(new[7][-2:]) * 60
        return moment - (zone if new[7][0] == "+" else -zone)

    def _at(self, year: int, month: int, day: int, hour: int) -> float:
        key = (year, month, day, hour)
        if key not in self._hours:
            self._hours[key] = self._local((year, month, day, hour, 0, 0, 0, 0, -1))
        return self._hours[key]
