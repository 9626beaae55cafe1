"""Asks become one call of the script, and its answers become tallies; what never changes is packed but once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha1
from itertools import chain, islice
from math import inf
from struct import Struct, pack
from typing import Final

from stockade.guard.meter import FOREVER, MANUAL, UNCOUNTED, Ask, Group, Meter, Reading, Tally, Window
from stockade.guard.redis.keys import Keys, encode
from stockade.guard.redis.script import Script

BAN: Final = Struct("<3d")
PLAN: Final = Struct("<3d")
BY_HAND: Final = -1
MAX_PREPARED: Final = 4096
MAX_EVIDENCE: Final = 500

Answer = bytes | list[bytes]
"""What the script says of one request: its readings, or in a list the bans that answer for it."""
Groups = tuple[Group, ...]
"""What a request asks for; those that ask for the same may share a call."""


def groups_of(asks: Sequence[Ask]) -> Groups:
    """What a request asks for, client by client."""
    return tuple([ask[1] for ask in asks])


def bulk(value: bytes) -> bytes:
    """A string as the protocol writes it."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


SERVER_TIME: Final = bulk(b"")


class Prepared:
    """Groups made ready: what the script is told of them, as the protocol writes it."""

    __slots__ = ("encoded", "index", "indexed", "one", "strikes", "words")

    def __init__(self, groups: Groups, index: bytes | None) -> None:
        described = [word for group in groups for word in describe(group)]
        self.words = len(described)
        self.encoded = b"".join(map(bulk, described))
        self.strikes = any(group.strikes for group in groups)
        self.indexed = self.strikes and index is not None
        self.index = bulk(index) if self.indexed and index else b""
        self.one = self.plan(1, len(groups))

    def plan(self, requests: int, groups: int) -> bytes:
        """What the requests of a call are like."""
        return bulk(PLAN.pack(self.indexed, requests, groups))


class Encoder:
    """Makes calls of asks. ``index`` is the key of the index of bans, unless clients live apart from it."""

    def __init__(self, keys: Keys, script: Script, index: bytes | None) -> None:
        self._keys = keys
        self._script = script
        self._index = index
        self.shares = index is not None
        self._prepared: dict[Groups, Prepared] = {}

    def call(self, requests: Sequence[Sequence[Ask]], now: float | None = None) -> bytes:
        """One call for requests that ask for the same groups, each judged on its own, in order."""
        groups = groups_of(requests[0])
        ready = self._prepared.get(groups) or self._prepare(groups)
        plan = ready.one if len(requests) == 1 else ready.plan(len(requests), len(groups))
        time = SERVER_TIME if now is None else bulk(b"%.17g" % now)
        of = self._keys.of
        keys = [bulk(of(ask[0])) for asks in requests for ask in asks]
        evidence: list[bytes] = []
        if ready.strikes:
            evidence = [bulk(encode(ask[2][:MAX_EVIDENCE])) for asks in requests for ask in asks if ask[1].strikes]
        number = len(keys) + ready.indexed
        begin = b"*%d\r\n" % (5 + number + ready.words + len(evidence))
        return b"".join(
            [begin, self._script.call, bulk(b"%d" % number), *keys, ready.index, time, plan, ready.encoded, *evidence]
        )

    def _prepare(self, groups: Groups) -> Prepared:
        if len(self._prepared) >= MAX_PREPARED:
            self._prepared.clear()
        ready = self._prepared[groups] = Prepared(groups, self._index)
        return ready

    def tallies(self, asks: Sequence[Ask], answer: Answer) -> list[Tally]:
        """What the answer to one request says."""
        if type(answer) is list:
            return [_banned(ask[1], ban) for ask, ban in zip(asks, BAN.iter_unpack(answer[0]), strict=True)]
        assert type(answer) is bytes, answer  # noqa: S101  the script answers nothing else
        if len(asks) == 1:
            return [("", 0.0, _readings(answer, len(asks[0][1].meters)))]
        sizes = [len(group.meters) for _, group, _ in asks]
        readings = iter(_readings(answer, sum(sizes)))
        return [("", 0.0, list(islice(readings, size))) for size in sizes]


def describe(group: Group) -> list[bytes]:
    """A group in the script's words: its numbers and those of its meters, the names of its rules, and the fields of its
    bans.
    """
    meters = group.meters
    banning = list(dict.fromkeys((*group.bans, *(m.rule for m in meters if m.bantimes))))
    looked = -1 if group.exempt else len(group.bans)
    names = encode("\n".join(meter.rule for meter in meters))
    rows = [
        _row(place, meter, banning)
        for place, meter in enumerate(meters, 1)
        if not (_slides(meter) and meter.window is Window.SLIDING)
    ]
    about = (len(meters), _mark(names), len(rows), len(banning), looked, group.lifetime, group.writes, group.strikes)
    numbers = (*about, *map(_period, meters), *map(_quick_room, meters), *(m.cost for m in meters), *chain(*rows))
    return [pack(f"<{len(numbers)}d", *numbers), names, *(encode(f"ban:{rule}") for rule in banning)]


def _mark(names: bytes) -> int:
    """A number that stands for the names of rules."""
    return int(sha1(names, usedforsecurity=False).hexdigest()[:12], 16)


def _slides(meter: Meter) -> bool:
    """Does it count in sliding windows, and nothing but count?"""
    return meter.window in (Window.SLIDING, Window.STRIKES) and meter.cost >= 0.0


def _period(meter: Meter) -> float:
    """The period of a meter that may be counted in the quick way, as sliding ones are; others never end."""
    return meter.period if _slides(meter) else inf


def _quick_room(meter: Meter) -> float:
    """How much may be used at most before a request that is counted in the quick way: none that may ban is, not even
    one that is within a rounding of it.
    """
    if not _slides(meter):
        return -inf
    return meter.limit * (1 - 1e-9) - meter.cost if meter.window is Window.STRIKES and meter.cost else _room(meter)


def _room(meter: Meter) -> float:
    """How much may be used at most before this request."""
    return meter.limit - meter.need if meter.need and meter.window is not Window.STRIKES else FOREVER


def _row(place: int, m: Meter, banning: Sequence[str]) -> tuple[float, ...]:
    """All about the meter at a place among its group's (from 1), and its ban times."""
    ban = banning.index(m.rule) + 1 if m.bantimes else 0
    about = (place, m.window, m.limit, m.period, _room(m), m.need, m.cost, m.burst, ban, len(m.bantimes))
    return (*about, *m.bantimes)


def _readings(answer: bytes, meters: int) -> list[Reading]:
    """What is used of each meter, and what more some of them say."""
    numbers = _unpack(len(answer))(answer)
    readings = [(used, 0.0, 0) for used in numbers[:meters]]
    if len(numbers) > meters:
        for meter, wait, level in zip(*[iter(numbers[meters:])] * 3, strict=True):
            readings[int(meter)] = (numbers[int(meter)], wait, int(level))
    return readings


@lru_cache(maxsize=1024)
def _unpack(octets: int) -> Callable[[bytes], tuple[float, ...]]:
    """What reads so many octets as doubles."""
    return Struct(f"<{octets // 8}d").unpack


def _banned(group: Group, ban: tuple[float, float, float]) -> Tally:
    rule, until, _ = ban
    if not rule:
        return UNCOUNTED
    return (MANUAL if rule == BY_HAND else group.bans[int(rule) - 1], until, ())
