"""What goes on beside a server, each in a process of its own: the log carried to its sinks, and read as it grows.

None of it is needed to serve or to record. Where one fails it is told and begun again, and the others go on.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
RETRY: Final = 1.0

_log = logging.getLogger("stockade.attending")


def roles(settings: Settings) -> Iterator[Role]:
    """The processes that a configuration asks for."""
    if settings.audit.enabled and settings.audit.sinks:
        yield Role("audit carrier", lambda: carry(settings), rank=0)
    if settings.audit.enabled and settings.detect is not None:
        yield Role("audit detector", lambda: notice(settings))


def carriers_state(settings: Settings) -> Path:
    """Where it is remembered how far each sink is."""
    return state_of(settings) / "sinks"


def carry(settings: Settings) -> None:
    """Carry the log to its sinks until SIGTERM; an error that comes and one that goes are told, once each."""
    from stockade.audit.sinks.carrying import carried

    sinks, said = [each.sink() for each in settings.audit.sinks], dict[str, str]()
    with _ended_by_signal() as ended, carried(settings.audit_log(), carriers_state(settings), sinks, resolve) as all_:
        while not ended(LOOK_EVERY):
            for carrier in all_:
                error = carrier.position.error
                if error != said.get(carrier.name, ""):
                    _log.warning("sink %s: %s", carrier.name, error or "well again")
                said[carrier.name] = error


def notice(settings: Settings) -> None:
    """Read the log as it grows until SIGTERM, from where the last one stopped, and record what is found. The first time
    it begins with what comes from now on, and from then on nothing is passed over.
    """
    from stockade.app.detecting import Bookmark, chosen_rules, end_of, follow, located
    from stockade.detect.detector import Rules

    asked, log = settings.detect, settings.audit_log()
    if asked is None:
        return
    bookmark, reporter = Bookmark(state_of(settings) / "detect.json", log), Reporter(socket_of(settings), "detector")
    with _ended_by_signal() as ended:
        if (start := bookmark.next()) is None:
            bookmark.keep(start := end_of(log))
        engine = Rules(chosen_rules(asked.rules), locate=located(asked.geoip))
        for seen in follow(log, engine, start=start, stop=lambda: ended(0)):
            for finding in seen.findings:
                if _at_least(finding, asked.level) and not _recorded(finding, reporter, ended):
                    return
            bookmark.keep_at_times(seen.entry.index + 1)


def _at_least(finding: Finding, level: Severity) -> bool:
    order = get_args(Severity)
    return order.index(finding.severity) >= order.index(level)


def _recorded(finding: Finding, reporter: Reporter, ended: Callable[[float], bool]) -> bool:
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


@contextmanager
def _ended_by_signal() -> Iterator[Callable[[float], bool]]:
    """What waits for so many seconds and answers whether SIGTERM came."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    came = False

    def ended(seconds: float) -> bool:
        nonlocal came
        came = came or signal.sigtimedwait({signal.SIGTERM}, seconds) is not None
        return came

    yield ended
