"""The traffic of this machine, watched as it happens: what is odd in the last hours is a finding in the audit log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, get_args

from stockade.app.detecting import first_recorded
from stockade.audit.layout import segments_in
from stockade.audit.reading import entries
from stockade.config import Settings
from stockade.config.state import state_of
from stockade.config.traffic import TrafficSettings
from stockade.errors import StockadeError, Unavailable
from stockade.events import Event, Severity
from stockade.host.traffic.flow import HERE, LONGEST, Flow
from stockade.host.traffic.formats.web import WRONG
from stockade.host.traffic.normal import Normal, parse
from stockade.host.traffic.places import Places
from stockade.host.traffic.sources import Events, Followed, Listed, Traffic
from stockade.host.traffic.table import table
from stockade.host.traffic.window import Window

PAUSE: Final = 1.0
"""Seconds between two times at which what was seen is taken."""
TOGETHER: Final = 20_000
"""Entries of the audit log that are read at once."""
MEMORY: Final = "200MB"

Ended = Callable[[float], bool]
Record = Callable[[Event], object]

_log = logging.getLogger("stockade.traffic")


def watch(settings: Settings, record: Record, ended: Ended, *, clock: Callable[[], float] = time.time) -> None:
    """Watch until ``ended`` says so. Raises Unavailable when nothing can be seen, ConfigurationError for a normal that
    is none.
    """
    asked = settings.traffic
    if asked is None:
        return
    kept = asked.normal or state_of(settings) / "traffic-normal.json"
    with _sources(settings, asked, clock) as sources, table(memory=MEMORY, threads=1) as held:
        window = Window(held, Places(asked.own), seconds=asked.window, quiet=asked.quiet, say=_log.warning)
        normal, due = _known(asked, kept), clock() + asked.every
        while not ended(PAUSE):
            window.add(_taken(sources))
            if clock() >= due:
                due = clock() + asked.every
                normal = normal or _learned(window, kept)
                _look(window, normal, asked.level, record, clock())


def _taken(sources: list[Traffic]) -> list[Flow]:
    """What all have seen. One that sees nothing any more is told of and left alone while there are others; raises
    Unavailable when it was the last.
    """
    found = list[Flow]()
    for source in tuple(sources):
        try:
            found += source.take()
        except Unavailable as error:
            if len(sources) == 1:
                raise
            _log.warning("%s %s; the others are watched on", error.message, error.remedy)
            sources.remove(source)
    return found


def _look(window: Window, normal: Normal | None, level: Severity, record: Record, now: float) -> None:
    """Record what is odd, the worst first. What cannot be recorded is told in the log of the service."""
    order = get_args(Severity)
    for each in window.look(now, normal):
        if order.index(each.severity) < order.index(level):
            continue
        _log.warning("%s: %s", each.severity, each.title)
        try:
            record(each.as_event(now))
        except StockadeError as error:
            _log.warning("a finding is not recorded: %s", error.message)


def _known(asked: TrafficSettings, kept: Path) -> Normal | None:
    """The normal that was learned. Raises ConfigurationError when the one that is named cannot be read."""
    if not kept.exists() and asked.normal is None:
        return None
    from stockade.app.host.traffic import normal_from
    from stockade.lines.stamps import Dating

    return normal_from(kept, (), Places(asked.own), Dating(time.time))


def _learned(window: Window, kept: Path) -> Normal | None:
    """The normal of the first whole window, kept for the next start."""
    if (found := window.learned()) is not None:
        new = kept.with_suffix(".new")
        new.write_text(found.written(), encoding="utf-8")
        new.replace(kept)
        _log.warning("what is normal was learned, and is kept in %s", kept)
        return parse(found.written(), str(kept))
    return None


@contextmanager
def _sources(settings: Settings, asked: TrafficSettings, clock: Callable[[], float]) -> Iterator[list[Traffic]]:
    found: list[Traffic] = []
    with ExitStack() as stack:
        if asked.conntrack != "off":
            found.append(Events(say=_log.warning, clock=clock) if asked.conntrack == "events" else Listed(clock=clock))
        found += [Followed(Path(file), say=_log.warning, clock=clock) for file in asked.files]
        if asked.requests:
            found.append(Requests(settings.audit_log(), clock() - asked.window))
        for each in found:
            stack.callback(each.close)
        yield found


class Requests:
    """The requests that were taken into the audit log since a moment: what came while nobody watched is there, too."""

    def __init__(self, log: Path, since: float) -> None:
        self._log, self._next = log, first_recorded(log, since) if segments_in(log) else 0

    def take(self) -> list[Flow]:
        """Those that have come since."""
        found = []
        for entry in entries(self._log, self._next, self._next + TOGETHER):
            self._next = entry.index + 1
            if (flow := flow_of(entry.event)) is not None:
                found.append(flow)
        return found

    def close(self) -> None:
        """Nothing is held."""


def flow_of(event: Event) -> Flow | None:
    """A request as a flow; None for all other events."""
    if event.action != "http.request" or not event.source:
        return None
    status, path = event.details.get("status"), str(event.details.get("path", ""))
    return Flow(
        event.time, event.source[:LONGEST], HERE, state=str(status or ""), failed=status in WRONG, service="http",
        asked=path.partition("?")[0][:LONGEST], asked_type=str(event.details.get("method", ""))[:16],
    )  # fmt: skip
