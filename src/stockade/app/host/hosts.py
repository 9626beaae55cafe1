"""Machines looked at: this one, and what comes of it on record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from stockade.app.host import updates
from stockade.app.host.pictures import about, known
from stockade.app.recording import there_is_one
from stockade.app.stockade import Stockade
from stockade.events import Event
from stockade.host.triage.everything import triage
from stockade.host.triage.looking import Machine, Told
from stockade.host.triage.report import Report, few, reported


def this_machine(*, thorough: bool, root: Path = Path("/")) -> Machine:
    """The machine that this runs on."""
    return Machine(root, os.uname().nodename, time.time(), thorough)


def looked_at(asked: Stockade, machine: Machine, hear: Callable[[Told], None]) -> Report:
    """Look at it, in the light of its picture where there is one; ``hear`` is told everything at once, the report comes
    at the end.
    """
    picture, unseen = known(asked, machine.name)

    def heard() -> Iterator[Told]:
        yield from unseen
        kinds = picture.kinds if picture else None
        for told in few(triage(machine, picture=kinds, more=partial(updates.looks, asked))):
            hear(told)
            yield told

    return reported(machine.name, heard())


def recorded(asked: Stockade, reports: Sequence[Report]) -> bool:
    """Have the looks and each of their findings on record; False where nobody has asked for a log."""
    if asked.settings.file is None and not there_is_one(asked.settings):
        return False
    now = asked.clock()
    with asked.recording(anew=False) as record:
        for report in reports:
            record.insist(_looked(asked, report, now))
            for oddity in report.findings:
                record.insist(oddity.as_event(now))
    return True


def _looked(asked: Stockade, report: Report, now: float) -> Event:
    counted = {"findings": len(report.findings), "notes": len(report.notes)}
    unseen = [{"what": each.what, "why": each.why} for each in report.unseen]
    target = about(report.host)
    details = {**counted, "unseen": unseen, "says": report.verdict}
    return Event(now, "host.triage", asked.actor, target, None, "success" if report.reached else "failure", details)
