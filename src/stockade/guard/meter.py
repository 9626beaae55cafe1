"""The one question asked of a store: what has this client used, and is it banned?

Throttles, tracks, fail2ban, allow2ban and manual bans are all the same thing here: a :class:`Meter`. What a store
does with one is in :mod:`stockade.guard.arithmetic`.

Times are microseconds since the epoch, held in floats (exact below 2**53, the year 2255).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

MICROSECONDS = 1_000_000
RESET = -1.0
"""The cost of a meter that is to be cleared instead of counted."""

FOREVER = float(2**53)
"""When a ban without an end ends; the largest whole microsecond that a float holds."""


class Window(IntEnum):
    """How a limit over a period is counted.

    ``SLIDING`` estimates the last period from two counters, the older one weighted by how much of it is still in
    sight; it opens with the client's first request. ``FIXED`` is Rack::Attack's arithmetic: windows aligned to the
    epoch, every request counted, refused ones too. ``GCRA`` paces: one request each period/limit, with an explicit
    burst (ITU-T I.371). ``STRIKES`` counts like ``SLIDING`` and bans when the limit is reached.
    """

    SLIDING = 0
    FIXED = 1
    GCRA = 2
    STRIKES = 3


class Meter(NamedTuple):
    """One rule's question about one client.

    ``need`` is the room asked for and ``cost`` what is added when there is room: both 1 for an ordinary request;
    ``cost`` 0 only looks; ``need`` 0 adds without asking; ``cost`` :data:`RESET` clears. ``period`` is in
    microseconds. ``bantimes`` (microseconds, one for each time in a row) is what makes a meter able to ban;
    ``enforced`` says that a live ban answers for the whole request, before anything is counted.
    """

    rule: str
    window: Window
    limit: float
    period: float
    need: float = 1.0
    cost: float = 1.0
    burst: float = 0.0
    bantimes: tuple[float, ...] = ()
    enforced: bool = True


class Group:
    """The meters that apply together to one client; compared by identity, so that stores may prepare each but once.

    ``exempt`` clients are counted and never banned. ``writes`` is false when the meters only look, ``strikes`` true
    when one of them may ban, and ``lifetime`` how many microseconds what is counted now may matter.
    """

    __slots__ = ("bans", "exempt", "lifetime", "meters", "strikes", "writes")

    def __init__(self, meters: Sequence[Meter] = (), *, exempt: bool = False) -> None:
        self.meters = tuple(meters)
        self.exempt = exempt
        self.bans = () if exempt else tuple(m.rule for m in meters if m.bantimes and m.enforced)
        self.writes = any(m.cost for m in meters)
        self.strikes = any(m.bantimes and m.cost > 0 for m in meters)
        self.lifetime = max(map(_lifetime, meters), default=0.0)


@lru_cache(maxsize=1024)
def looking(group: Group) -> Group:
    """The group that only looks at the counters of this one."""
    return Group([meter._replace(cost=0.0) for meter in group.meters], exempt=True)


def _lifetime(meter: Meter) -> float:
    """How long a count may matter: two windows, a ban and its row, and as long as a burst takes to drain."""
    drains = meter.burst * meter.period / meter.limit if meter.limit > 0.0 else 0.0
    return 2 * meter.period + 2 * max(meter.bantimes, default=0.0) + drains


Ask = tuple[str, Group, str]
"""``(client, group, evidence)``: what is asked about one client; the evidence is kept with a ban that comes of it."""

Reading = tuple[float, float, int]
"""``(used, wait, level)``: how much is used, microseconds until there is room (0: there is), and how many times in a
row the client has been banned when this very request banned it (0: it did not)."""


Tally = tuple[str, float, Sequence[Reading]]
"""What a store answers to one :data:`Ask`: ``(banned_by, until, readings)``.

``banned_by`` is the rule whose enforced, live ban answers for the request (``""`` for none, :data:`MANUAL` for a ban
by hand) and ``until`` when that ends; the readings are then empty, for nothing was counted. Plain tuples, since five
are made for every request. """

MANUAL = "manual"
UNCOUNTED: Tally = ("", 0.0, ())


@dataclass(frozen=True, slots=True)
class Ban:
    """Who may not pass, since when, until when (seconds since the epoch), and why.

    ``client`` is the key that rules count by: an address, an IPv6 prefix, ``user:…``, ``token:…``, or a network in CIDR
    notation. ``rule`` is :data:`MANUAL` for a ban by hand. ``level`` counts the bans in a row.
    """

    client: str
    rule: str
    since: float
    until: float
    reason: str = ""
    evidence: str = ""
    level: int = 1
    by: str = ""


class Store(Protocol):
    """Where counters and bans live. Implementations are held by one contract suite.

    ``now`` is in microseconds; without it the store takes its own clock. Raises :class:`stockade.errors.Unavailable`.
    """

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter. One trip, however many."""
        ...

    def ban(self, ban: Ban) -> None:
        """Place a ban by hand, replacing an earlier one of the same client and rule."""
        ...

    def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client; answer the bans that were lifted."""
        ...

    def bans(self) -> Iterator[Ban]:
        """The live bans, networks included, in no particular order."""
        ...

    def networks(self) -> Sequence[str]:
        """The networks banned by hand, at most a second old."""
        ...


Recall = Callable[[str], Tally | None]
"""``store.recall(client)``: a ban that a store far away told of less than a second ago. Stores at hand have no need of
it."""


AtHand = Callable[[], Sequence[str] | None]
"""``store.networks_at_hand()``: the networks banned by hand, where a store across a network need not ask for them."""


class AsyncStore(Protocol):
    """The same five questions for a store that is across a network and an event loop that must not wait."""

    async def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]: ...
    async def ban(self, ban: Ban) -> None: ...
    async def forget(self, client: str) -> list[Ban]: ...
    async def bans(self) -> list[Ban]: ...
    async def networks(self) -> Sequence[str]: ...


def is_network(client: str) -> bool:
    """Is this key a whole network banned by hand? (An IPv6 client's key is its prefix, and is not.)"""
    return client.startswith(NETWORK)


NETWORK = "network:"
"""What the key of a network that was banned by hand begins with."""


def ban_of(client: str, meter: Meter, *, wait: float, level: int, evidence: str, now: float) -> Ban:
    """The ban that a meter has just placed; ``wait`` and ``now`` in microseconds."""
    since, until = now / MICROSECONDS, (now + wait) / MICROSECONDS
    reason = f"{meter.limit:g} strikes in {meter.period / MICROSECONDS:g} s"
    return Ban(client, meter.rule, since, until, reason, evidence, level)
