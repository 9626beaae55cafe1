"""An event as the line of JSON that is kept and hashed, and back.

::

    {"seq":7,"recorded":"2026-11-22T09:30:00.000000Z","time":"…","action":"token.revoke","actor":"stockade:user/al",…}

``seq`` is the number of the entry, so that a person sees a gap; ``recorded`` is when the log wrote it, by its own
clock, and never what somebody else claims; ``time`` is when it happened. Times are RFC 3339 in UTC. Lines are ASCII:
whatever a client has sent is escaped, and nothing in it can move a cursor or end a line.

A line that was written is never written again: whoever checks it hashes the octets that lie there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec

from stockade.errors import Tampered
from stockade.events import Entry, Event, Ref

MAX_LINE: Final = 60_000
"""Octets of an entry, below the 65,535 that a bundle can hold (C2SP tlog-tiles, "Log entries")."""
SHOWN: Final = 2_000
"""Characters that are kept of what is too long."""


class Script:
    """JSON without a space, in ASCII. ``write`` answers a JSON value for whatever JSON has no word for.

    Without keys, a secret and what is personal are not written at all: ``(secret)``, ``(personal)``.
    """

    def __init__(self, write: Callable[[Any], object] = str) -> None:
        self._fast = msgspec.json.Encoder(enc_hook=write).encode
        self._careful = json.JSONEncoder(separators=(",", ":"), default=write, allow_nan=False).encode

    def __call__(self, value: object) -> bytes:
        """The value as JSON; NaN becomes null. Raises ValueError, TypeError or RecursionError when it cannot be."""
        try:
            quick = self._fast(value)
            if quick.isascii():
                return quick
        except (ValueError, TypeError, OverflowError, RecursionError):
            pass
        return self._careful(value).encode("ascii")


PLAIN: Final = Script()


def rfc3339(moment: float) -> str:
    """Seconds since the epoch, to the microsecond. Raises ValueError beyond the years 1 to 9999."""
    try:
        whole, fraction = divmod(round(moment * 1_000_000), 1_000_000)
        return _second(whole) % fraction
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"not a time that can be written: {moment!r}") from error


@lru_cache(maxsize=64)
def _second(whole: int) -> str:
    """A second, with a place for its microseconds."""
    return datetime.fromtimestamp(whole, UTC).isoformat().removesuffix("+00:00") + ".%06dZ"


def body_of(event: Event, script: Script = PLAIN, shortly: Script | None = None) -> bytes:
    """All of the line that is known before the entry has a number.

    What cannot be written as JSON, and what is too long, is replaced by its beginning, its length and its SHA-256: an
    event must not stay out of the log because somebody made it too large. What is too long is written ``shortly``,
    where that is another script. A reference that would be read as another, or not at all, stands in ``details``, part
    by part. Raises ValueError for an impossible time.
    """
    fields = _fields(event)
    try:
        body = script(fields)
    except (ValueError, TypeError, RecursionError):
        fields["details"] = {"unwritable": ascii(event.details)[:SHOWN]}
        body = script(fields)
    return body if len(body) <= MAX_LINE - 100 else _shortened(fields, shortly or script)


def line_of(index: int, recorded: str, body: bytes) -> bytes:
    """The whole line, without its newline."""
    return b'{"seq":%d,"recorded":"%s",%s' % (index, recorded.encode(), body[1:])


def parse(line: bytes) -> Entry:
    """Read a line. Raises Tampered when it is none of ours."""
    try:
        fields = _read(line)
        return Entry(int(fields["seq"]), _seconds(fields["recorded"]), event_of(fields))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Tampered(f"not an entry of a log: {line[:80]!a} ({type(error).__name__})") from error


def event_of(fields: Mapping[str, Any]) -> Event:
    """The event that a line holds. Raises ValueError, KeyError, TypeError or AttributeError when it holds none."""
    return Event(
        time=_seconds(fields["time"]),
        action=fields["action"],
        actor=_ref(fields.get("actor")),
        target=_ref(fields.get("target")),
        source=fields.get("source"),
        outcome=fields["outcome"],
        details=fields.get("details", {}),
    )


def _fields(event: Event) -> dict[str, Any]:
    fields: dict[str, Any] = {"time": rfc3339(event.time), "action": event.action}
    unreadable = dict[str, object]()
    for name, ref in (("actor", event.actor), ("target", event.target)):
        if ref is None:
            continue
        if text := _readable(ref):
            fields[name] = text
        else:
            unreadable[name] = {"system": ref.system, "kind": ref.kind, "id": ref.id}
    if event.source is not None:
        fields["source"] = event.source
    fields["outcome"] = event.outcome
    if event.details or unreadable:
        fields["details"] = {**event.details, "unreadable": unreadable} if unreadable else dict(event.details)
    return fields


def _readable(ref: Ref) -> str:
    """What ``Ref.parse`` reads as it is, also when a long line is shortened; nothing where there is no such text."""
    system, kind, named = ref.system, ref.kind, ref.id
    whole = system and kind and named and ":" not in system and "/" not in kind
    return f"{system}:{kind}/{named}" if whole and len(system) + len(kind) < SHOWN - 2 else ""


def _shortened(fields: dict[str, Any], script: Script) -> bytes:
    body = script(fields)
    short = {name: value[:SHOWN] for name, value in fields.items() if isinstance(value, str)}
    begins = script(fields.get("details", {}))[:SHOWN].decode("ascii")
    digest = sha256(body).hexdigest()
    return script(short | {"details": {"oversize": {"octets": len(body), "sha256": digest, "begins": begins}}})


def _read(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:  # half a surrogate, say, which a client may send and JSON may hold
        return json.loads(line)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _ref(text: str | None) -> Ref | None:
    return None if text is None else Ref.parse(text)
