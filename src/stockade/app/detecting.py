"""The log, read for what matters: over history in the order in which things happened, and live as it grows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from pathlib import Path
from typing import Final

from stockade.audit import reading
from stockade.audit.layout import segment_path, segments_in
from stockade.audit.reading import Place, from_place, placed
from stockade.audit.record import parse
from stockade.detect.detector import Rules
from stockade.detect.order import Stretch, stretches
from stockade.detect.pack import is_ours, own_pack, rules_beside_ours, rules_in
from stockade.detect.rule import Rule
from stockade.detect.stories import folded, worst_first
from stockade.detect.view import Locate, nowhere
from stockade.errors import ConfigurationError
from stockade.events import Entry, Finding

HEAD: Final = re.compile(rb'\{"seq":\d+,"recorded":"([^"]{27})","time":"([^"]{27})"')
"""How a line begins; such times are ordered as texts are."""
MOST_FINDINGS: Final = 20_000
"""Findings of one run that are kept; of more the worst."""
TOLD_EVERY: Final = 5_000
"""Entries between two words on how far it is."""
PAUSE: Final = 0.5
"""Seconds between two looks at a log that grows."""


Progress = Callable[[int], None]
"""Is told now and then how many entries were read."""


def untold(_entries: int) -> None:
    """Nobody wants to know how far it is."""


def counted(entries: Iterable[Entry], progress: Progress) -> Iterator[Entry]:
    """The same entries; every so many, somebody is told how many there were."""
    for number, entry in enumerate(entries):
        if number % TOLD_EVERY == 0:
            progress(number)
        yield entry


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and how often it came again."""

    finding: Finding
    again: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a look over history has found, the worst first, and what it could not see.

    ``next`` is the number of the entry with which to go on; ``began`` and ``ended`` are when the first and the last of
    the entries happened.
    """

    told: Sequence[Told]
    rules: int
    asleep: Sequence[str]
    doubts: Sequence[str]
    entries: int
    next: int
    began: float
    ended: float


def chosen_rules(directory: Path | None, *, own: bool = True, trial: bool = False) -> list[Rule]:
    """The rules to run: those that come with Stockade, and those of a directory, on ``trial`` or not."""
    if directory is None:
        return list(own_pack())
    found = rules_beside_ours(directory) if own else rules_in(directory)
    return [replace(rule, shadow=rule.shadow or (trial and not is_ours(rule))) for rule in found]


def located(database: Path | None) -> Locate:
    """Where addresses are; nowhere without a database."""
    if database is None:
        return nowhere
    from stockade.detect.places import geoip

    return geoip(database)


def history(
    log: Path, rules: Rules, *, since: float = float("-inf"), start: int = 0, progress: Progress = untold
) -> Run:
    """Look at everything that happened since a moment, from an entry on, in the order in which it happened.

    What rules remember of the time before is read first, and nothing is told of it. Raises ConfigurationError for a
    directory that is no log, Tampered for a line that is no entry.
    """
    ordered, doubts = by_time(log, first_recorded(log, max(since, _moment_of(log, start)) - rules.horizon))
    kept, span = list[Finding](), Span(start)
    for entry in counted(ordered, progress):
        if not start and not span.entries:
            rules.begin_telling()
        found = rules.feed(entry)
        if entry.index < start or not span.take(entry, since):
            continue
        kept += found
        if len(kept) > 2 * MOST_FINDINGS:
            kept = worst_first(kept)[:MOST_FINDINGS]
            doubts = [f"there were more than {MOST_FINDINGS:,} findings: the least severe were left out"]
    told = tuple(Told(finding, rules.stories.repeated(finding)) for finding in folded(kept))
    asleep = tuple(rule.name for rule in rules.asleep if not rule.part)
    shown = sum(not rule.part for rule in rules.rules)
    return Run(told, shown, asleep, (*doubts, *rules.doubts), span.entries, span.next, span.began, span.ended)


def by_time(log: Path, start: int) -> tuple[Iterator[Entry], list[str]]:
    """The entries from a number on, in the order in which they happened, and what could not be put in order."""
    found, missed = stretches((place, _moment(line)) for place, line in placed(log, start))
    doubt = (
        f"{missed} times the log goes back in time too often to be put in order: what belongs together may be missed"
    )
    return merge(*(_read(log, stretch) for stretch in found), key=when), [doubt] if missed else []


def first_recorded(log: Path, moment: float) -> int:
    """The number of the first entry that was recorded since a moment, at most a segment too early."""
    firsts = there(log)
    earlier = [first for first in firsts if _recorded(log / segment_path(first)) < moment]
    return earlier[-1] if earlier else firsts[0]


def follow(log: Path, rules: Rules, *, start: int, stop: Callable[[], bool] = lambda: False) -> Iterator[Seen]:
    """Every entry from ``start`` on as it comes, with what it completes. What came before is remembered first."""
    since = _moment_of(log, start)
    for entry in by_time(log, first_recorded(log, since - rules.horizon))[0]:
        if entry.index < start:
            rules.feed(entry)
    at, known = start, (-1, -1)
    while not stop():
        state = _state(log)
        if state == known:
            time.sleep(PAUSE)
            continue
        for _, line in placed(log, at):
            entry = parse(line)
            yield Seen(entry, rules.feed(entry))
            at = max(at, entry.index + 1)
        known = state


class Span:
    """Which entries were looked at."""

    def __init__(self, start: int) -> None:
        self.entries, self.next = 0, start
        self.began, self.ended = float("inf"), float("-inf")

    def take(self, entry: Entry, since: float) -> bool:
        """Count an entry, when it happened since then."""
        moment = when(entry)
        self.next = max(self.next, entry.index + 1)
        if moment < since:
            return False
        self.entries += 1
        self.began, self.ended = min(self.began, moment), max(self.ended, moment)
        return True


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry that has come, and the findings that it completes."""

    entry: Entry
    findings: Sequence[Finding]


class Bookmark:
    """The number of the entry that is to be looked at next, in a file, for each log."""

    def __init__(self, file: Path, log: Path) -> None:
        self._file, self._log = file, str(log.resolve())
        self._kept = 0.0

    def next(self) -> int | None:
        """Where to go on; None when this log was never looked at."""
        number = self._all().get(self._log)
        return number if isinstance(number, int) else None

    def keep(self, number: int) -> None:
        """Remember where to go on."""
        kept = self._all() | {self._log: number}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(kept))
        new.replace(self._file)

    def _all(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def keep_at_times(self, number: int) -> None:
        """As ``keep``, at most once a second: who is stopped in between tells of a second's findings again."""
        if time.monotonic() - self._kept >= 1.0:
            self.keep(number)
            self._kept = time.monotonic()


def _read(log: Path, stretch: Stretch[Place]) -> Iterator[Entry]:
    return map(parse, from_place(log, stretch.start, stretch.length))


def when(entry: Entry) -> float:
    """When something happened: never later than it was recorded, as the clocks of others may be wrong."""
    return min(entry.event.time, entry.recorded)


def _moment(line: bytes) -> float:
    head = HEAD.match(line)
    if head is None:
        return when(parse(line))
    return datetime.fromisoformat(min(head[1], head[2]).decode()).timestamp()


def there(log: Path) -> list[int]:
    """The first entries of the segments of a log. Raises ConfigurationError when there is none."""
    firsts = segments_in(log)
    if not firsts:
        raise ConfigurationError(
            f"there is no log in {log}", remedy="Name the directory that holds segments/: --log DIR."
        )
    return firsts


def end_of(log: Path) -> int:
    """The number that the next entry will have."""
    there(log)
    return reading.end_of(log)


def _moment_of(log: Path, index: int) -> float:
    return next((_moment(line) for _, line in placed(log, index)), time.time())


def _recorded(segment: Path) -> float:
    with segment.open("rb") as file:
        head = HEAD.match(file.readline(1_000_000))
    return datetime.fromisoformat(head[1].decode()).timestamp() if head else float("-inf")


def _state(log: Path) -> tuple[int, int]:
    """What changes when a log grows: its last segment, and the size of that."""
    last = segments_in(log)[-1]
    return last, (log / segment_path(last)).stat().st_size
