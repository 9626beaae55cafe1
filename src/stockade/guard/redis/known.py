"""What this process remembers of Redis for less than a second, so that a client known to be banned costs no trip."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from time import monotonic
from typing import Final

from stockade.guard.meter import MANUAL, MICROSECONDS, UNCOUNTED, Ask, Tally
from stockade.guard.redis.asks import BAN

LAPSE: Final = 0.9
"""Seconds after which a ban is looked up again, so that one lifted elsewhere is lifted here within a second."""
MAX_KNOWN: Final = 10_000


class KnownBans:
    """The clients found banned a moment ago; the oldest is dropped when there are too many."""

    __slots__ = ("_bans",)

    def __init__(self) -> None:
        self._bans: dict[str, tuple[float, str, Tally]] = {}

    def __bool__(self) -> bool:
        return bool(self._bans)

    def look(self, asks: Sequence[Ask]) -> list[Tally] | None:
        """What is known to answer for these asks; None when Redis must be asked."""
        for client, group, _ in asks:
            known = self._bans.get(client)
            if known is None or group.exempt:
                continue
            lapse, rule, tally = known
            if rule not in group.bans and rule != MANUAL:
                continue
            if lapse > monotonic():
                return [tally] if len(asks) == 1 else [tally if ask[0] == client else UNCOUNTED for ask in asks]
            self._bans.pop(client, None)
        return None

    def recall(self, client: str) -> Tally | None:
        """The ban of this client that is still fresh."""
        known = self._bans.get(client)
        return known[2] if known is not None and known[0] > monotonic() else None

    def learn(self, asks: Sequence[Ask], tallies: Sequence[Tally], bans: bytes, asked: float) -> None:
        """Remember the ``bans`` that the script told of when it was asked at ``asked`` (monotonic)."""
        for (client, _, _), tally, (_, _, left) in zip(asks, tallies, BAN.iter_unpack(bans), strict=True):
            if tally[0]:
                while len(self._bans) >= MAX_KNOWN:
                    self._bans.pop(next(iter(self._bans)), None)
                self._bans[client] = (asked + min(LAPSE, left / MICROSECONDS), tally[0], tally)

    def forget(self, client: str) -> None:
        """Do not take this client for banned any more."""
        self._bans.pop(client, None)


class KnownNetworks:
    """The networks banned by hand, and when they were last asked for."""

    __slots__ = ("_learned", "_pause", "current")

    FRESH: Final = 0.5
    STALE: Final = 1.0

    def __init__(self) -> None:
        self.current: tuple[str, ...] = ()
        self._learned = -self.STALE
        self._pause = 0.0

    @property
    def age(self) -> float:
        """Seconds since this was what Redis said."""
        return monotonic() - self._learned

    def may_be_asked(self) -> bool:
        """Is nobody asking in the background already? Whoever is told so asks."""
        now = monotonic()
        if now < self._pause:
            return False
        self._pause = now + self.FRESH / 2
        return True

    def learn(self, networks: tuple[str, ...], asked: float) -> None:
        """Take what Redis said at that time (monotonic); the object stays the same while nothing changes."""
        if networks != self.current:
            self.current = networks
        self._learned = max(self._learned, asked)

    def forget(self) -> None:
        """Ask again before the next request."""
        self._learned = monotonic() - self.STALE


class Patience:
    """One deadline for a request, though it may ask twice: for the banned networks, if they are stale, and to count."""

    __slots__ = ("_end", "deadline")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._end: ContextVar[float] = ContextVar("end", default=0.0)

    def first(self, asked: float) -> float:
        """Until when the first question may take: half the time, so that half is left for the second."""
        self._end.set(asked + self.deadline)
        return asked + self.deadline / 2

    def rest(self, asked: float) -> float:
        """Until when the second, or only, question may take."""
        end = self._end.get()
        return end if end - asked >= self.deadline / 2 else asked + self.deadline
