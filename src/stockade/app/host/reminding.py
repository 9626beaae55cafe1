"""Reminders: of each release that mends something on this machine, told once, by a command or while it serves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Final

from stockade.app.host.hosts import this_machine
from stockade.app.host.installed import settings_of
from stockade.app.host.updates import as_details, look, refresh
from stockade.app.stockade import Stockade
from stockade.config import Settings
from stockade.config.state import state_of
from stockade.errors import StockadeError
from stockade.events import Event, Ref
from stockade.host.triage.seen import Facts
from stockade.host.updates.behind import Behind, Why
from stockade.host.updates.oddities import attacked, released

REMINDED: Final = frozenset({Why.EXPLOITED, Why.SECURITY})
NAME: Final = "reminded.json"
Record = Callable[[Event], object]

_log = logging.getLogger("stockade.reminding")


def remind(asked: Stockade, facts: Facts) -> list[Behind]:
    """Remind of each release that mends something here, once, and have it on record. Raises StockadeError."""
    told = list[Behind]()
    with asked.recording() as record:
        for each in _new(asked, facts):
            for event in _events(each, facts.machine.name, asked.clock(), asked.actor):
                record.insist(event)
            _remember(asked.settings, each)
            told.append(each)
    return told


def attend(settings: Settings, record: Record, ended: Callable[[float], bool]) -> None:
    """Do so while a service runs: fetch what the configuration says, look, remind, and wait. Raises StockadeError."""
    asked, every = Stockade(settings, by="stockade"), settings_of(settings).every
    while True:
        _once(asked, Facts(this_machine(thorough=True)), record)
        if ended(every):
            return


def _once(asked: Stockade, facts: Facts, record: Record) -> None:
    """Look once. What cannot be fetched is told; what is known is looked at all the same."""
    if settings_of(asked.settings).sources:
        try:
            refresh(asked, ())
        except StockadeError as error:
            _log.warning("release data is as old as before: %s", error)
    for each in _new(asked, facts):
        _log.warning("%s: %s %s, mended by %s", each.why, each.name, each.installed, each.mends or "nothing yet")
        for event in _events(each, facts.machine.name, asked.clock(), None):
            record(event)
        _remember(asked.settings, each)


def _new(asked: Stockade, facts: Facts) -> Iterator[Behind]:
    """What nobody was reminded of yet."""
    before = _remembered(asked.settings)
    for each in look(asked, facts).judged.behind:
        if each.why in REMINDED and each.key not in before:
            yield each


def _events(found: Behind, host: str, now: float, by: Ref | None) -> Iterator[Event]:
    """The reminder, and the finding that somebody is to look at."""
    target = Ref(host, "package", found.name)
    yield Event(now, "update.remind", by, target, details={**as_details(found), "says": found.says})
    yield (attacked if found.why is Why.EXPLOITED else released)(host, found).as_event(now)


def _remember(settings: Settings, found: Behind) -> None:
    file = state_of(settings) / NAME
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(sorted({*_remembered(settings), found.key})))
    partial.replace(file)


def _remembered(settings: Settings) -> frozenset[str]:
    try:
        return frozenset(map(str, json.loads((settings.state_directory() / NAME).read_text())))
    except (OSError, ValueError, TypeError):
        return frozenset()
