"""Bans in plain words, for the command lines of web frameworks; what a client wrote is escaped."""

from __future__ import annotations

import time
from collections.abc import Iterable

from stockade.errors import Unavailable
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import FOREVER, MANUAL, MICROSECONDS, Ban


def refuse_unseen(guard: Guard) -> None:
    """Raise Unavailable when the bans are in the memory of another process, where no command can see or lift them."""
    if isinstance(guard.store, MemoryStore):
        raise Unavailable(
            "bans are kept in the memory of the process that serves the application, which no command can reach",
            remedy='Give the guard a store that is shared, such as store=SharedStore("/run/stockade/guard").',
        )


def listed(bans: Iterable[Ban]) -> str:
    """A line for each ban: who, until when, by which rule, why, and on what evidence."""
    return "\n".join(map(_line, bans)) or "Nobody is banned."


def lifted(target: str, bans: Iterable[Ban]) -> str:
    """What was lifted; the counters of the target are cleared in any case."""
    return (
        "\n".join(f"Lifted: {_line(ban)}" for ban in bans)
        or f"{_plain(target)} was not banned; its counters are clear."
    )


def _line(ban: Ban) -> str:
    by = f"by {ban.by or 'hand'}" if ban.rule == MANUAL else f"by rule {ban.rule}"
    said = [ban.client, _until(ban.until), by, ban.reason, ban.evidence]
    return "  ".join(_plain(part) for part in said if part)


def _until(moment: float) -> str:
    if moment >= FOREVER / MICROSECONDS:
        return "for ever"
    return time.strftime("until %Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
