"""Traffic reviewed, and that it was: what was read and found, in the audit log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Event, Ref
from stockade.host.traffic.normal import Normal, parse
from stockade.host.traffic.places import Places
from stockade.host.traffic.reading import Progress, unheard
from stockade.host.traffic.reviewing import Review, learn, review
from stockade.lines.stamps import Dating

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

LARGEST_NORMAL = 64_000_000
"""Octets of a file with a normal that are read."""


def normal_from(
    file: Path | None, records: Sequence[Path], places: Places, dating: Dating, format_: str = ""
) -> Normal | None:
    """The normal of a file, or of records of a good time; None when neither is named. Raises ConfigurationError."""
    if file is not None:
        try:
            with file.open(encoding="utf-8") as opened:
                return parse(opened.read(LARGEST_NORMAL), str(file))
        except (OSError, UnicodeDecodeError) as error:
            remedy = "Make one: stockade traffic learn FILE… --to normal.json"
            raise ConfigurationError(f"the normal {file} cannot be read: {error}", remedy=remedy) from error
    return learn(records, places, dating, format=format_) if records else None


def looked_at(
    files: Sequence[Path],
    places: Places,
    dating: Dating,
    *,
    normal: Normal | None,
    format_: str = "",
    progress: Progress = unheard,
) -> Review:
    """Review files. Raises ConfigurationError."""
    return review(files, places, dating, normal=normal, format=format_, progress=progress)


def event_of(found: Review, actor: Ref | None) -> Event:
    """That traffic was reviewed: what was read, compared with what, and how much was found."""
    severities = [each.severity for each in found.oddities]
    details = {
        "files": [{"name": each.name, "format": each.format, "records": each.records, "damaged": each.damaged}
                  for each in found.sources[:100]],
        "records": found.records, "began": found.began, "ended": found.ended,
        "normal": {"learned": found.normal.learned, "since": found.normal.since, "until": found.normal.until},
        "found": {severity: severities.count(severity) for severity in dict.fromkeys(severities)},
        "worst": [each.title for each in found.above_note[:10]],
    }  # fmt: skip
    return Event(time.time(), "traffic.review", actor, Ref("network", "traffic", "records"), details=details)


def put_on_record(doing: Stockade, found: Review, *, findings: bool) -> None:
    """Have a review on record where there is a log, with its findings if asked; where that fails, say so."""
    try:
        with doing.recording(anew=findings) as recording:
            recording.insist(event_of(found, doing.actor))
            for each in found.above_note if findings else ():
                recording.insist(each.as_event(time.time()))
    except StockadeError as error:
        doing.say(f"that traffic was reviewed is not on record: {error.message}")
