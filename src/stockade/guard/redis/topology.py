"""Which server holds a key: the only one, the primary that sentinels name, or the node of a cluster with its slot.

Nothing here does I/O: a topology says whom to ask what, and learns from the reply.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable
from typing import Final, Protocol

from stockade.errors import Unavailable
from stockade.guard.redis.faults import ReplyError, code_of, refused
from stockade.guard.redis.greeting import Reply, words
from stockade.guard.redis.script import Script
from stockade.guard.redis.url import Address, Kind, Target

TRIES: Final = 4
CALM: Final = 0.1
"""Seconds for which a cluster's map that was just learned is not doubted again."""


class Topology(Protocol):
    """``sharded`` when keys live on several servers; ``seeds`` are asked ``question``, the likeliest first."""

    sharded: bool
    seeds: list[Address]
    question: bytes

    def address(self, key: bytes) -> Address | None:
        """Who holds a key; None when that must be found out first."""
        ...

    def learn(self, seed: Address, reply: Reply) -> None:
        """Take a seed's reply to the question; raises Unavailable when it does not know either."""
        ...

    def doubt(self) -> bool:
        """Something went wrong that a change of roles would explain; is it worth finding out anew?"""
        ...


class Single:
    """One server, for ever."""

    sharded = False
    question = b""

    def __init__(self, target: Target) -> None:
        self.seeds = list(target.addresses)

    def address(self, key: bytes) -> Address | None:  # noqa: ARG002
        """The one."""
        return self.seeds[0]

    def learn(self, seed: Address, reply: Reply) -> None:
        """There is nothing to learn."""

    def doubt(self) -> bool:
        """There is no other."""
        return False


class Sentinel:
    """The primary of a service, as the sentinels say."""

    sharded = False

    def __init__(self, target: Target) -> None:
        self.seeds = list(target.addresses)
        self.question = words("SENTINEL", "GET-MASTER-ADDR-BY-NAME", target.service)
        self._service = target.service
        self._primary: Address | None = None

    def address(self, key: bytes) -> Address | None:  # noqa: ARG002
        """The primary."""
        return self._primary

    def learn(self, seed: Address, reply: Reply) -> None:
        """A sentinel answers with host and port, or nothing."""
        if not isinstance(reply, list):
            raise Unavailable(
                f"the sentinel at {seed} knows no {self._service!r}", remedy="Check the service's name in the URL."
            )
        self._primary = Address(reply[0].decode(), int(reply[1]))

    def doubt(self) -> bool:
        """Ask the sentinels before anything else."""
        self._primary = None
        return True


class Cluster:
    """The primaries of a cluster and the slots they serve."""

    sharded = True
    question = words("CLUSTER", "SLOTS")

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        from redis.crc import key_slot

        self.seeds = list(target.addresses)
        self._configured = target.addresses
        self._slot: Callable[[bytes], int] = key_slot
        self._starts: list[int] = []
        self._ranges: list[tuple[int, Address]] = []
        self._clock = clock
        self._learned = -CALM
        self._doubted = False

    def address(self, key: bytes) -> Address | None:
        """Who serves the key's slot."""
        if self._doubted or not self._starts:
            return None
        slot = self._slot(key)
        place = bisect_right(self._starts, slot) - 1
        last, address = self._ranges[place]
        if place < 0 or slot > last:
            raise Unavailable(f"no server of the Redis cluster serves slot {slot}", remedy="redis-cli cluster info")
        return address

    def learn(self, seed: Address, reply: Reply) -> None:
        """A node answers with ranges of slots and who serves them; an empty host means the node itself."""
        if isinstance(reply, ReplyError):
            raise refused(seed, reply)
        ranges = sorted((first, last, _node(seed, primary)) for first, last, primary, *_ in reply)
        if not ranges:
            raise Unavailable(f"the Redis cluster at {seed} serves no slots", remedy="redis-cli cluster info")
        self._starts = [first for first, _, _ in ranges]
        self._ranges = [(last, address) for _, last, address in ranges]
        self.seeds = _distinct((seed, *(address for _, _, address in ranges), *self._configured))
        self._learned, self._doubted = self._clock(), False

    def doubt(self) -> bool:
        """Ask for the map again, unless it is quite new."""
        self._doubted = self._doubted or self._clock() - self._learned >= CALM
        return self._doubted


def topology_of(target: Target) -> Topology:
    """The topology that a URL asks for."""
    kinds: dict[Kind, Callable[[Target], Topology]] = {"single": Single, "sentinel": Sentinel, "cluster": Cluster}
    return kinds[target.kind](target)


def _node(seed: Address, node: list[bytes | int]) -> Address:
    host, port = node[0], node[1]
    return Address(host.decode() if isinstance(host, bytes) and host else seed.host, int(port))


def _distinct(addresses: Iterable[Address]) -> list[Address]:
    return list(dict.fromkeys(addresses))


Mending = Generator[tuple[Address | None, list[bytes]], Reply, Reply]
"""Yields where to send (None: to whom the topology says) and what; is sent the reply to the last command."""


def mend(
    topology: Topology, script: Script, address: Address, encode: Callable[[], bytes], reply: ReplyError
) -> Mending:
    """Follow what an error reply asks for: load the script, go elsewhere, ask for the primary. Raises Unavailable."""
    for _ in range(TRIES):
        code = code_of(reply)
        if code == "NOSCRIPT":
            where, commands = address, [words("SCRIPT", "LOAD", script.text)]
        elif code in {"MOVED", "ASK"}:
            where, commands = _elsewhere(address, reply), [words("ASKING")] if code == "ASK" else []
            topology.doubt()
        elif code == "READONLY" and topology.doubt():
            where, commands = None, []
        else:
            topology.doubt()
            break
        answer = yield where, [*commands, encode()]
        if not isinstance(answer, ReplyError):
            return answer
        address, reply = where or address, answer
    raise refused(address, reply)


def _elsewhere(address: Address, reply: ReplyError) -> Address:
    """The server that ``MOVED slot host:port`` and ``ASK slot host:port`` name."""
    host, _, port = str(reply).split(" ")[2].rpartition(":")
    return Address(host or address.host, int(port))
