"""A review: records are read, compared with a normal, and every signal is asked; the worst comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

from stockade.events import Severity
from stockade.host.oddity import Oddity, Unseen
from stockade.host.traffic import asking, learning
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.places import Places
from stockade.host.traffic.reading import MOST, Progress, Source, read, unheard
from stockade.host.traffic.signals.beacons import LEAST as BEATS
from stockade.host.traffic.signals.beacons import beacons
from stockade.host.traffic.signals.lasting import LEAST as LONG
from stockade.host.traffic.signals.lasting import lasting
from stockade.host.traffic.signals.newness import newness
from stockade.host.traffic.signals.rarity import SOURCES, TIMES, rarity
from stockade.host.traffic.signals.scans import LEAST as TRIED
from stockade.host.traffic.signals.scans import scans
from stockade.host.traffic.signals.tunnels import LEAST as NAMES
from stockade.host.traffic.signals.tunnels import tunnels
from stockade.host.traffic.signals.volume import LEAST as OCTETS
from stockade.host.traffic.signals.volume import RATIO, volume
from stockade.host.traffic.table import Table, table
from stockade.lines.stamps import Dating

ORDER: Final[tuple[Severity, ...]] = get_args(Severity)
FIRST_PART: Final = 0.5
"""The share of the time of the records that is the normal where none was learned."""


@dataclass(frozen=True, slots=True)
class Review:
    """What was read, what it was compared with, and what is odd in it, the worst first. ``unseen`` is what the records
    could not show.
    """

    sources: Sequence[Source]
    records: int
    conversations: int
    began: float
    ended: float
    normal: Normal
    oddities: Sequence[Oddity]
    unseen: Sequence[Unseen]

    @property
    def above_note(self) -> Sequence[Oddity]:
        """What is more than a note."""
        return [each for each in self.oddities if each.severity != "informational"]


def review(
    files: Iterable[Path], places: Places, dating: Dating, *, normal: Normal | None = None, format: str = "",
    most: int = MOST, progress: Progress = unheard,
) -> Review:  # fmt: skip
    """Review files. Raises ConfigurationError for one that cannot be read."""
    with table() as held:
        sources = gathered(held, files, dating, format=format, most=most, progress=progress)
        progress("comparing", 0)
        return reviewed(held, places, normal, sources)


def gathered(
    held: Table,
    files: Iterable[Path],
    dating: Dating,
    *,
    format: str = "",
    most: int = MOST,
    progress: Progress = unheard,
) -> list[Source]:
    """Read files into a table, so many records of all together."""
    found = list[Source]()
    for file in files:
        left = most - sum(each.records for each in found)
        found.append(read(held, file, dating, format=format, most=left, progress=progress))
    return found


def learn(
    files: Iterable[Path], places: Places, dating: Dating, *, format: str = "", progress: Progress = unheard
) -> Normal:
    """The normal of files. Raises ConfigurationError for one that cannot be read."""
    with table() as held:
        gathered(held, files, dating, format=format, progress=progress)
        asking.prepare(held, places)
        return learning.learned(held)


def reviewed(held: Table, places: Places, normal: Normal | None, sources: Sequence[Source] = ()) -> Review:
    """Review what is in a table."""
    asking.prepare(held, places)
    known = normal or learning.learned(held, part=FIRST_PART)
    count, began, ended = asking.span(held)
    conversations = held.one("SELECT count(*) FROM conversation")[0]
    found = together(list(oddities(held, known)))
    return Review(sources, count, conversations, began, ended, known, found, tuple(_unseen(held)))


def oddities(held: Table, normal: Normal) -> Iterator[Oddity]:
    """What every signal finds."""
    yield from beacons(asking.beats(held, BEATS), normal)
    yield from volume(asking.uploads(held, OCTETS, RATIO), normal)
    yield from tunnels(asking.zones(held, NAMES))
    yield from scans(asking.tried(held, TRIED))
    yield from lasting(asking.lasting(held, LONG), normal)
    yield from newness(learning.news(held, normal), normal)
    yield from rarity(asking.rare(held, SOURCES, TIMES), normal)


def together(found: Sequence[Oddity]) -> list[Oddity]:
    """The worst first. What several signals say of one conversation makes the worst of them worse by a step."""
    by_subject: dict[str, set[str]] = {}
    for each in found:
        if each.severity != "informational":
            by_subject.setdefault(str(each.subject), set()).add(each.signal)
    told = [_raised(each, by_subject.get(str(each.subject), set())) for each in found]
    return sorted(told, key=lambda each: -ORDER.index(each.severity))


def _raised(oddity: Oddity, signals: set[str]) -> Oddity:
    others = sorted(signals - {oddity.signal})
    if oddity.severity == "informational" or not others:
        return oddity
    worse = ORDER[min(len(ORDER) - 1, ORDER.index(oddity.severity) + 1)]
    return replace(oddity, severity=worse, facts={**oddity.facts, "also": others})


def _unseen(held: Table) -> Iterator[Unseen]:
    """What records of this kind cannot show."""
    if not asking.span(held)[0]:
        yield Unseen("anything", "there is not one record", "Name a file that holds records.")
        return
    if not held.one("SELECT count(*) FROM flow WHERE asked <> '' AND (layer = 'dns' OR dport = 53)")[0]:
        yield Unseen(
            "tunnels by DNS", "no record says which names were asked for", "Add a log of DNS, such as Zeek's dns.log."
        )
    if not held.one("SELECT count(*) FROM flow WHERE sent IS NOT NULL")[0]:
        yield Unseen(
            "volume",
            "no record says how much was sent",
            "Add Zeek's conn.log; for conntrack: sysctl net.netfilter.nf_conntrack_acct=1",
        )
    if not held.one("SELECT count(*) FROM conversation WHERE way IN ('out', 'inside')")[0]:
        yield Unseen(
            "what leaves",
            "all records are of what comes in",
            "Add records of what goes out: conntrack, Zeek, flow logs.",
        )
    if not held.one("SELECT count(*) FROM flow WHERE dur IS NOT NULL")[0]:
        yield Unseen(
            "long connections",
            "no record says how long one lasted",
            "Add Zeek's conn.log or conntrack -E -o timestamp.",
        )
