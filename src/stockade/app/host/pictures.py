"""Pictures of machines: kept as files, their digests in the log, so that nobody can put another in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.app.recording import there_is_one
from stockade.app.stockade import Stockade
from stockade.audit.octets import found
from stockade.config.state import state_of
from stockade.errors import ConfigurationError, StockadeError, Tampered
from stockade.events import Entry, Event, Outcome, Ref
from stockade.host.oddity import Unseen
from stockade.host.picture import Difference, Picture, compared, parsed

TAKEN: Final = re.compile(rb'"host\.baseline"')
MOST: Final = 100
"""Differences that an event names one by one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture, the file it is in, and the entry of the log that vouches for it."""

    picture: Picture
    file: Path
    entry: Entry


def keep(asked: Stockade, picture: Picture) -> Kept:
    """Keep a picture, in the log by its digest and as a file. Raises Unavailable, Tampered."""
    details = {"digest": picture.digest, "things": dict(picture.counts), "unseen": list(picture.unseen)}
    with asked.recording() as record:
        record.insist(Event(asked.clock(), "host.baseline", asked.actor, about(picture.host), details=details))
    file = file_of(asked, picture.host)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(picture.octets())
    partial.replace(file)
    return kept(asked, picture.host)


def kept(asked: Stockade, host: str) -> Kept:
    """The picture of a machine, checked against the log. Raises ConfigurationError when none was taken, Tampered when
    the file is not the one that the log knows.
    """
    entry = _newest(asked, host)
    if entry is None:
        raise ConfigurationError(f"no picture of {host} was taken", remedy="Take one: stockade host baseline")
    file = file_of(asked, host)
    remedy = "Put back the file that the log has the digest of, from where copies are kept; trust nothing until then."
    try:
        picture = parsed(file.read_bytes())
    except OSError as error:
        raise Tampered(f"the picture {file} cannot be read: {error.strerror}", remedy=remedy) from error
    if picture.digest != entry.event.details.get("digest") or picture.host != host:
        raise Tampered(f"the picture {file} is not the one that the log knows", remedy=remedy)
    return Kept(picture, file, entry)


def known(asked: Stockade, host: str) -> tuple[Picture | None, tuple[Unseen, ...]]:
    """The picture of a machine where there is one; what is wrong with it is told, and stops nobody from looking."""
    if not there_is_one(asked.settings):
        return None, ()
    try:
        return kept(asked, host).picture, ()
    except ConfigurationError:
        return None, ()
    except StockadeError as error:
        return None, (Unseen("the picture of the machine", error.message, error.remedy),)


def compare(asked: Stockade, now: Picture, of: str = "") -> tuple[Kept, list[Difference]]:
    """Compare a machine as it is now with its picture, or with that of the machine whose place it takes, and have that
    on record. Raises as ``kept`` does.
    """
    before = kept(asked, of or now.host)
    differences = list(compared(before.picture, now))
    counted = [each for each in differences if each.counts]
    details = {"digest": before.picture.digest, "changed": len(counted), "differences": _told(differences)}
    outcome: Outcome = "failure" if counted else "success"
    with asked.recording(anew=False) as record:
        moment, host = asked.clock(), about(now.host)
        record.insist(Event(moment, "host.diff", asked.actor, host, None, outcome, details))
    return before, differences


def verify(asked: Stockade, now: Picture, of: str = "") -> Kept:
    """Show that a machine is as its picture, but for packages that were brought up to date. Raises Tampered where it is
    not, and as ``kept`` does.
    """
    before, found = compare(asked, now, of)
    differences = [each for each in found if each.counts]
    if differences:
        first = "; ".join(f"{each.kind} {each.thing} is {each.change}" for each in differences[:5])
        more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
        remedy = "See them all: stockade host diff. Take a new picture only when you can explain each."
        raise Tampered(f"{now.host} is not as {whose(before, now)} picture: {first}{more}", remedy=remedy)
    return before


def whose(before: Kept, now: Picture) -> str:
    """Whose picture it is, in a sentence about the machine as it is now."""
    return "its" if before.picture.host == now.host else f"{before.picture.host}'s"


def file_of(asked: Stockade, host: str) -> Path:
    """Where the picture of a machine is kept."""
    return state_of(asked.settings) / "pictures" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host).lstrip('.')}.json"


def about(host: str) -> Ref:
    """A machine as what an event is about."""
    return Ref(host, "machine", host)


def _newest(asked: Stockade, host: str) -> Entry | None:
    """The last entry about a picture of that machine."""
    if not there_is_one(asked.settings):
        return None
    entries = found(asked.settings.audit_log(), TAKEN.search)
    told = [each for each in entries if each.event.action == "host.baseline" and each.event.target == about(host)]
    return told[-1] if told else None


def _told(differences: Sequence[Difference]) -> list[str]:
    return [f"{each.change}: {each.kind} {each.thing}" for each in differences[:MOST]]
