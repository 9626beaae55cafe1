"""Whatever goes wrong with Redis becomes one error that says what to do."""

from __future__ import annotations

import ssl
from os import strerror
from typing import Final

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.redis.url import Address

try:
    from hiredis import ReplyError
except ImportError as missing:
    raise ConfigurationError(
        "the Redis store needs two packages more", remedy="pip install 'stockade[redis]'"
    ) from missing

__all__ = ["Late", "Lost", "ReplyError", "code_of", "late", "lost", "refused"]

REMEDIES: Final = {
    "READONLY": "It is a replica: name the primary, or give the sentinels' addresses.",
    "OOM": "Its memory is full: raise maxmemory, or set maxmemory-policy to volatile-ttl.",
    "LOADING": "It is reading its data after a start: wait.",
    "NOAUTH": "It wants a password: put one into the URL.",
    "WRONGPASS": "Check user and password.",
    "NOPERM": "Grant its user the keys under the prefix, +@hash, +@sortedset, +@keyspace, +@scripting and +time.",
    "CLUSTERDOWN": "The cluster does not serve that slot: look at `redis-cli cluster info`.",
    "WRONGTYPE": "Something else uses keys of this prefix: choose another prefix.",
    "MISCONF": "It cannot save to disk: look at its log.",
    "BUSY": "A script of somebody else holds it: look at `redis-cli slowlog get`.",
}


class Lost(Unavailable):
    """The connection broke; what was asked may or may not have been done."""


class Late(Unavailable):
    """No answer came within the deadline."""


def code_of(error: ReplyError) -> str:
    """The first word of an error reply: ``READONLY``, ``MOVED``, …"""
    return str(error).partition(" ")[0][:40]


def refused(address: Address, error: ReplyError, *, secret: bool = False) -> Unavailable:
    """The server's own refusal. ``secret`` leaves out its words, which may repeat what it was sent."""
    code = code_of(error)
    said = code if secret else "".join(c if c.isprintable() else " " for c in str(error)[:200])
    return Unavailable(f"Redis at {address} refused: {said}", remedy=REMEDIES.get(code, ""))


def lost(address: Address, cause: BaseException | None = None) -> Lost:
    """The connection could not be made, or broke."""
    return Lost(
        f"Redis at {address} cannot be reached: {_why(cause)}",
        remedy="Is it running, and does the address point to it?",
    )


def _why(cause: BaseException | None) -> str:
    if cause is None:
        return "the connection was closed"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or cause}"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return strerror(cause.errno)
    return str(cause) if isinstance(cause, OSError) else type(cause).__name__


def late(address: Address, deadline: float) -> Late:
    """The deadline is over."""
    return Late(
        f"Redis at {address} did not answer within {deadline * 1000:g} ms", remedy="Is it overloaded, or stopped?"
    )
