"""The store for those who wait: WSGI, threads, scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, time
from types import TracebackType
from typing import Self

from stockade.errors import Unavailable
from stockade.guard.meter import MICROSECONDS, Ask, Ban, Tally
from stockade.guard.redis import upkeep
from stockade.guard.redis.asks import Answer, Encoder
from stockade.guard.redis.exchange import Exchange
from stockade.guard.redis.keys import Keys
from stockade.guard.redis.known import KnownBans, KnownNetworks, Patience
from stockade.guard.redis.script import Script
from stockade.guard.redis.topology import topology_of
from stockade.guard.redis.url import parse


class RedisStore:
    """Counters and bans in Redis or Valkey (6.2 or later), shared by all who use one URL and ``prefix``.

    ``url`` is ``redis://user:password@host:port/db``, ``rediss://…`` (TLS), ``unix:///path``,
    ``redis+sentinel://h1:p,h2:p/service`` or ``redis+cluster://h1:p,h2:p``. ``deadline`` (seconds) is what a request
    waits at most, whatever is asked and however often it has to be asked again.

    Raises ConfigurationError for a URL that cannot be read, and Unavailable when Redis cannot be asked. Safe to use
    from several threads, and after a fork.
    """

    def __init__(self, url: str, *, deadline: float = 0.05, prefix: str = "stockade") -> None:
        self.deadline = deadline
        self._target = parse(url)
        topology, script = topology_of(self._target), Script()
        self._sharded = topology.sharded
        self._exchange = Exchange(self._target, topology, script, deadline)
        self._keys = Keys(prefix)
        self._encoder = Encoder(self._keys, script, None if self._sharded else self._keys.bans)
        self._known = KnownBans()
        self.recall = self._known.recall
        self._networks = KnownNetworks()
        self._patience = Patience(deadline)

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter.

        In a cluster, where no script sees two clients, each of a request's clients is judged on its own.
        """
        if self._known and now is None and (known := self._known.look(asks)) is not None:
            return known
        asked = monotonic()
        end = self._patience.rest(asked)
        if self._sharded:
            return self._scatter(asks, now, asked, end)
        answer: Answer = self._exchange.tell(self._keys.bans, partial(self._encoder.call, (asks,), now), end)[0]
        return self._read(asks, answer, now, asked)

    def _read(self, asks: Sequence[Ask], answer: Answer, now: float | None, asked: float) -> list[Tally]:
        tallies = self._encoder.tallies(asks, answer)
        if now is None and isinstance(answer, list):
            self._known.learn(asks, tallies, answer[0], asked)
        return tallies

    def _scatter(self, asks: Sequence[Ask], now: float | None, asked: float, end: float) -> list[Tally]:
        """Ask for each client where it lives, all at once."""
        questions = [(self._keys.of(ask[0]), partial(self._encoder.call, ((ask,),), now)) for ask in asks]
        answers = self._exchange.tell_all(questions, end)
        tallies = [self._read((ask,), answer[0], now, asked)[0] for ask, answer in zip(asks, answers, strict=True)]
        listing = upkeep.placed(self._keys, asks, tallies, now or time() * MICROSECONDS)
        if listing:
            self._exchange.tell_all([(key, partial(bytes, command)) for key, command in listing], end)
        return tallies

    def ban(self, ban: Ban) -> None:
        """Place a ban by hand, replacing an earlier one of the same client and rule."""
        self._exchange.run(upkeep.place(self._keys, ban))
        self._networks.forget()

    def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client; answer the bans that were lifted."""
        lifted = self._exchange.run(upkeep.forget(self._keys, client))
        self._known.forget(client)
        self._networks.forget()
        return lifted

    def bans(self) -> Iterator[Ban]:
        """The live bans, networks included, in no particular order."""
        return iter(self._exchange.run(upkeep.bans(self._keys)))

    def networks(self) -> Sequence[str]:
        """The networks banned by hand: asked for in the background while requests come, waited for only when stale."""
        age = self._networks.age
        if age >= KnownNetworks.STALE:
            self._learn_networks(self._patience.first(monotonic()))
        elif age >= KnownNetworks.FRESH and self._networks.may_be_asked():
            with suppress(RuntimeError):  # no new threads while the interpreter ends
                threading.Thread(target=self._refresh_networks, daemon=True).start()
        return self._networks.current

    def _refresh_networks(self) -> None:
        with suppress(Unavailable):
            self._learn_networks(monotonic() + self.deadline)

    def _learn_networks(self, end: float) -> None:
        asked = monotonic()
        self._networks.learn(self._exchange.run(upkeep.networks(self._keys), end), asked)

    def close(self) -> None:
        """Hang up; the store may be used again."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._target}>"
