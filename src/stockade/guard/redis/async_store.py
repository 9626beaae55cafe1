"""The store for those who await: ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, time
from types import TracebackType
from typing import Self

from stockade.errors import Unavailable
from stockade.guard.meter import MICROSECONDS, Ask, Ban, Tally
from stockade.guard.redis import upkeep
from stockade.guard.redis.asks import Answer, Encoder
from stockade.guard.redis.async_exchange import AsyncExchange, all_of
from stockade.guard.redis.keys import Keys
from stockade.guard.redis.known import KnownBans, KnownNetworks, Patience
from stockade.guard.redis.script import Script
from stockade.guard.redis.topology import topology_of
from stockade.guard.redis.url import parse


class AsyncRedisStore:
    """What :class:`stockade.guard.redis.RedisStore` is, for event loops: the same URLs, keys, deadline and errors.

    Each loop has one connection to each server. Everything that is asked in one turn of a loop leaves in one write, and
    requests in flight together share a call of the script. Safe to use from several loops; ``aclose`` hangs up in one.
    """

    def __init__(self, url: str, *, deadline: float = 0.05, prefix: str = "stockade") -> None:
        self.deadline = deadline
        self._target = parse(url)
        topology, script = topology_of(self._target), Script()
        self._sharded = topology.sharded
        self._keys = Keys(prefix)
        self._encoder = Encoder(self._keys, script, None if self._sharded else self._keys.bans)
        self._exchange = AsyncExchange(self._target, topology, script, self._encoder, deadline)
        self._known = KnownBans()
        self.recall = self._known.recall
        self._networks = KnownNetworks()
        self._patience = Patience(deadline)
        self._refreshing: asyncio.Task[None] | None = None

    async def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter.

        In a cluster, where no script sees two clients, each of a request's clients is judged on its own.
        """
        if self._known and now is None and (known := self._known.look(asks)) is not None:
            return known
        asked = monotonic()
        end = self._patience.rest(asked)
        if self._sharded and len(asks) > 1:
            return await self._scatter(asks, now, asked, end)
        key = self._keys.of(asks[0][0]) if self._sharded else self._keys.bans
        tallies = self._read(asks, await self._exchange.count(key, asks, now, end), now, asked)
        if self._sharded:
            await self._enlist(asks, tallies, now, end)
        return tallies

    def _read(self, asks: Sequence[Ask], answer: Answer, now: float | None, asked: float) -> list[Tally]:
        tallies = self._encoder.tallies(asks, answer)
        if now is None and isinstance(answer, list):
            self._known.learn(asks, tallies, answer[0], asked)
        return tallies

    async def _scatter(self, asks: Sequence[Ask], now: float | None, asked: float, end: float) -> list[Tally]:
        """Ask for each client where it lives, all at once."""
        questions = [self._exchange.count(self._keys.of(ask[0]), (ask,), now, end) for ask in asks]
        answers = await all_of(questions)
        tallies = [self._read((ask,), answer, now, asked)[0] for ask, answer in zip(asks, answers, strict=True)]
        await self._enlist(asks, tallies, now, end)
        return tallies

    async def _enlist(self, asks: Sequence[Ask], tallies: Sequence[Tally], now: float | None, end: float) -> None:
        """Enter the bans just placed in the index, which in a cluster is out of the script's reach."""
        placed = upkeep.placed(self._keys, asks, tallies, now or time() * MICROSECONDS)
        if placed:
            await self._exchange.tell_all([(key, partial(bytes, command)) for key, command in placed], end)

    async def ban(self, ban: Ban) -> None:
        """Place a ban by hand, replacing an earlier one of the same client and rule."""
        await self._exchange.run(upkeep.place(self._keys, ban))
        self._networks.forget()

    async def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client; answer the bans that were lifted."""
        lifted = await self._exchange.run(upkeep.forget(self._keys, client))
        self._known.forget(client)
        self._networks.forget()
        return lifted

    async def bans(self) -> list[Ban]:
        """The live bans, networks included, in no particular order."""
        return await self._exchange.run(upkeep.bans(self._keys))

    async def networks(self) -> Sequence[str]:
        """The networks banned by hand: asked for in the background while requests come, awaited only when stale."""
        age = self._networks.age
        if age >= KnownNetworks.STALE:
            await self._learn_networks(self._patience.first(monotonic()))
        elif age >= KnownNetworks.FRESH and self._networks.may_be_asked():
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh_networks())
        return self._networks.current

    def networks_at_hand(self) -> Sequence[str] | None:
        """The same if it is fresh; else None."""
        return self._networks.current if self._networks.age < KnownNetworks.FRESH else None

    async def _refresh_networks(self) -> None:
        with suppress(Unavailable):
            await self._learn_networks(monotonic() + self.deadline)

    async def _learn_networks(self, end: float) -> None:
        asked = monotonic()
        self._networks.learn(await self._exchange.run(upkeep.networks(self._keys), end), asked)

    async def aclose(self) -> None:
        """Hang up in the running loop; the store may be used again."""
        await self._exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._target}>"
