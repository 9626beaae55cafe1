"""One thing to be read: what it is called, and how its octets come, with what is learnt of it on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stockade.host.patience import Late, patiently

Facts = dict[str, object]
"""What a record says of an item beside its octets, JSON values: mode, owner, times, exit code, error."""

CHUNK = 1 << 18
"""Octets that are read at once."""


@dataclass(frozen=True, slots=True)
class Source:
    """``what`` is a path, a command line or a name. ``read`` yields octets and fills in the facts while it does;
    what goes wrong is a fact, ``error``, and never raised.
    """

    what: str
    read: Callable[[Facts], Iterator[bytes]]


def in_time(source: Source, seconds: float) -> Source:
    """The same source, given up when nothing comes of it for so long: it may lie where nobody answers."""

    def read(facts: Facts) -> Iterator[bytes]:
        theirs: Facts = {}
        try:
            yield from patiently(source.read(theirs), seconds)
        except Late as error:
            facts["error"] = str(error)
        facts.update({**theirs, **facts})

    return Source(source.what, read)


def nothing(what: str, **facts: object) -> Source:
    """A source of which only something can be said."""

    def read(found: Facts) -> Iterator[bytes]:
        found.update(facts)
        return iter(())

    return Source(what, read)
