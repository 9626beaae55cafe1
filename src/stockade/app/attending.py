"""What goes on beside a server, each in a process of its own: the log carried to its sinks, other systems' taken in,
and all of it read as it grows.

None of it is needed to serve or to record. Where one fails it is told and begun again, and the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, get_args

from stockade.app.crew import Role
from stockade.app.recording import socket_of
from stockade.audit.reporter import Reporter
from stockade.config import Settings
from stockade.config.secrets import resolve
from stockade.config.state import state_of
from stockade.errors import StockadeError
from stockade.events import Finding, Severity

LOOK_EVERY: Final = 0.5
STAND_EVERY: Final = 2.0
"""Seconds between two looks at how sinks stand: for each that is behind, a line of the log is read."""
RETRY: Final = 1.0
LONGEST: Final = 60.0

Ended = Callable[[float], bool]

_log = logging.getLogger("stockade.attending")


def roles(settings: Settings) -> Iterator[Role]:
    """The processes that a configuration asks for."""
    if not settings.audit.enabled:
        return
    if settings.audit.sinks:
        yield Role("audit carrier", partial(_begun_again, carry, settings), rank=0)
    if settings.intake:
        yield Role("audit intake", partial(_begun_again, take_in, settings))
    if settings.detect is not None:
        yield Role("audit detector", partial(_begun_again, notice, settings))
    if settings.traffic is not None:
        yield Role("traffic watch", partial(_begun_again, watch_traffic, settings))
    if settings.updates is not None:
        yield Role("updates", partial(_begun_again, remind, settings))


def _begun_again(work: Callable[[Settings, Ended], None], settings: Settings) -> None:
    """Do it until SIGTERM; what fails is told, and tried again after a second, then two, up to a minute."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ended, pause = _Ended(), RETRY
    while not ended(0):
        try:
            work(settings, ended)
        except StockadeError as error:
            _log.warning("the audit log is not served as it should be: %s", error)
            ended(pause)
            pause = min(LONGEST, pause * 2)


class _Ended:
    """Waits for so many seconds, and answers whether SIGTERM came."""

    def __init__(self) -> None:
        self._came = False

    def __call__(self, seconds: float) -> bool:
        self._came = self._came or signal.sigtimedwait({signal.SIGTERM}, seconds) is not None
        return self._came


def carriers_state(settings: Settings) -> Path:
    """Where it is remembered how far each sink is."""
    return state_of(settings) / "sinks"


def carry(settings: Settings, ended: Ended) -> None:
    """Carry the log to its sinks until SIGTERM; how they stand is told, and recorded."""
    from stockade.audit.sinks.carrying import carried, seen
    from stockade.audit.sinks.telling import Telling

    log, sinks = settings.audit_log(), [each.sink() for each in settings.audit.sinks]
    telling, reporter = Telling(), Reporter(socket_of(settings), "carrier")
    with closing(reporter), carried(log, carriers_state(settings), sinks, resolve) as all_:
        while not ended(STAND_EVERY):
            for carrier in all_:
                now = time.time()
                if (event := telling.look(carrier.name, seen(log, carrier, now), now)) is not None:
                    _log.warning("sink %s: %s", carrier.name, event.details.get("error") or event.action)
                    reporter.offer(event)


def take_in(settings: Settings, ended: Ended) -> None:
    """Take other systems' logs in until SIGTERM, each event once, by the recorder's socket."""
    from stockade.app.reporting_in import IntoRecorder
    from stockade.app.taking_in import Intake
    from stockade.intake.settings import IntakeSettings

    asked = IntakeSettings(sources=settings.intake, ledger=state_of(settings) / "intake.sqlite")
    journal = IntoRecorder(socket_of(settings), settings.audit_log())

    async def working() -> None:
        stop = asyncio.Event()
        work = asyncio.create_task(ready.run(stop))
        while not work.done() and not ended(0):
            await asyncio.wait({work}, timeout=LOOK_EVERY)
        stop.set()
        await work

    with closing(Intake(asked, journal, say=_log.warning)) as ready:
        asyncio.run(working())


def notice(settings: Settings, ended: Ended) -> None:
    """Read the log as it grows until SIGTERM, from where the last one stopped, and record what is found. The first time
    it begins with what comes from now on, and from then on nothing is passed over.
    """
    from stockade.app.detecting import Bookmark, chosen_rules, end_of, follow, located
    from stockade.detect.detector import Rules

    asked, log = settings.detect, settings.audit_log()
    if asked is None:
        return
    bookmark, reporter = Bookmark(state_of(settings) / "detect.json", log), Reporter(socket_of(settings), "detector")
    if (start := bookmark.next()) is None:
        bookmark.keep(start := end_of(log))
    engine = Rules(chosen_rules(asked.rules), locate=located(asked.geoip))
    for seen in follow(log, engine, start=start, stop=lambda: ended(0)):
        for finding in seen.findings:
            if _at_least(finding, asked.level) and not _recorded(finding, reporter, ended):
                return
        bookmark.keep_at_times(seen.entry.index + 1)


def watch_traffic(settings: Settings, ended: Ended) -> None:
    """Watch the traffic of this machine until SIGTERM, and record what is odd in it."""
    from stockade.app.host.traffic_watch import watch

    with closing(Reporter(socket_of(settings), "traffic watch")) as reporter:
        watch(settings, reporter.append, ended)


def remind(settings: Settings, ended: Ended) -> None:
    """Remind of each release that mends something here, until SIGTERM."""
    from stockade.app.host.reminding import attend

    with closing(Reporter(socket_of(settings), "updates")) as reporter:
        attend(settings, reporter.append, ended)


def _at_least(finding: Finding, level: Severity) -> bool:
    order = get_args(Severity)
    return order.index(finding.severity) >= order.index(level)


def _recorded(finding: Finding, reporter: Reporter, ended: Ended) -> bool:
    """Record a finding, however long that takes; False when the process was ended before."""
    _log.warning("%s: %s (%s)", finding.severity, finding.title, finding.subject or "nobody in particular")
    while True:
        try:
            reporter.append(finding.as_event())
            return True
        except StockadeError as error:
            _log.warning("a finding is not recorded yet: %s", error.message)
        if ended(RETRY):
            return False
