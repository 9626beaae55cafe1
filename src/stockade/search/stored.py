"""An entry as the index keeps it, and back; and its place in the order of time."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Final

from stockade.events import Entry, Event, Ref
from stockade.search.said import micros

TIES: Final = 11
"""Bits of a key below the microseconds: the entries of a microsecond beyond 2,048 count as of the next."""
_LAST: Final = (1 << 52) - 1

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


def stored(entry: Entry) -> str:
    """The entry as JSON, all of it but the name of its log. ASCII only."""
    event = entry.event
    fields: dict[str, object] = {
        "seq": entry.index,
        "recorded": entry.recorded,
        "time": event.time,
        "action": event.action,
        "actor": None if event.actor is None else (event.actor.system, event.actor.kind, event.actor.id),
        "target": None if event.target is None else (event.target.system, event.target.kind, event.target.id),
        "source": event.source,
        "outcome": event.outcome,
        "details": event.details,
    }
    return _encode(fields)


def read(text: str, origin: str) -> Entry:
    """The entry that was stored."""
    fields = json.loads(text)
    event = Event(
        time=fields["time"],
        action=fields["action"],
        actor=None if fields["actor"] is None else Ref(*fields["actor"]),
        target=None if fields["target"] is None else Ref(*fields["target"]),
        source=fields["source"],
        outcome=fields["outcome"],
        details=fields["details"],
    )
    return Entry(fields["seq"], fields["recorded"], event, origin)


def digest(text: str) -> str:
    """By which it is known whether the log still has the entry that was stored."""
    return sha256(text.encode()).hexdigest()


def key_of(moment: int) -> int:
    """The least key of a moment in microseconds since the epoch; before 1970 and from 2112 on all moments are one."""
    return min(max(moment, 0), _LAST) << TIES


def is_near(key: int, entry: Entry) -> bool:
    """Whether the key may be that of the entry: where others have the wished one, it lies less than a second later."""
    return 0 <= key - key_of(micros(entry.event.time)) < 1_000_000 << TIES


def wished_key(entry: Entry) -> int:
    """The key of an entry, if nobody has it yet: by its time, and within a microsecond by its number."""
    return key_of(micros(entry.event.time)) + entry.index % (1 << TIES)
