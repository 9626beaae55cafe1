"""Asks become one call of the script, and its answers become tallies; what never changes is encoded but once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct, pack, unpack
from typing import Final

from stockade.guard.meter import MANUAL, UNCOUNTED, Ask, Group, Meter, Reading, Tally
from stockade.guard.redis.keys import Keys, encode
from stockade.guard.redis.script import Script

BAN: Final = Struct("<ddd")
BY_HAND: Final = -1
MAX_PREPARED: Final = 4096
MAX_EVIDENCE: Final = 500

Answer = bytes | list[bytes]
"""What the script says of one request: its readings, or in a list the bans that answer for it."""


def bulk(value: bytes) -> bytes:
    """A string as the protocol writes it."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


SERVER_TIME: Final = bulk(b"")


class Prepared:
    """A group made ready: its share of the script's arguments, and how to read what comes back."""

    __slots__ = ("alone", "arguments", "encoded", "group")

    def __init__(self, group: Group, index: bytes | None) -> None:
        striking = (m.rule for m in group.meters if m.bantimes)
        banning = list(dict.fromkeys((*group.bans, *striking)))
        looked = -1 if group.exempt else len(group.bans)
        spec = pack("<5d", len(group.meters), len(banning), looked, group.lifetime, group.writes)
        spec += b"".join(_numbers(meter, banning) for meter in group.meters)
        names = ("manual", "dies", *(f"ban:{rule}" for rule in banning), *(f"used:{m.rule}" for m in group.meters))
        self.encoded = bulk(spec) + b"".join(bulk(encode(name)) for name in names)
        self.arguments = 1 + len(names)
        self.group = group
        self.alone = _alone(self, index if group.strikes else None)


def _numbers(meter: Meter, banning: Sequence[str]) -> bytes:
    ban = banning.index(meter.rule) + 1 if meter.bantimes else 0
    numbers = (meter.window, meter.limit, meter.period, meter.need, meter.cost, meter.burst, ban, len(meter.bantimes))
    return pack(f"<{len(numbers) + len(meter.bantimes)}d", *numbers, *meter.bantimes)


def _alone(prepared: Prepared, index: bytes | None) -> tuple[bytes, bytes, bytes]:
    """What stands before the script's name, the key, and the evidence, where a request asks for this group only."""
    strikes = prepared.group.strikes
    keys = 1 + (index is not None)
    plan = pack("<5H", index is not None, 1, 1, 3, strikes)
    count = b"*%d\r\n" % (3 + keys + 2 + prepared.arguments + strikes)
    rest = (bulk(index) if index else b"") + SERVER_TIME + bulk(plan) + prepared.encoded
    return count, bulk(b"%d" % keys), rest


class Encoder:
    """Makes calls of asks. ``index`` is the key of the index of bans, unless clients live apart from it."""

    def __init__(self, keys: Keys, script: Script, index: bytes | None) -> None:
        self._keys = keys
        self._script = script
        self._index = index
        self.shares = index is not None
        self._prepared: dict[Group, Prepared] = {}

    def prepare(self, group: Group) -> Prepared:
        """A group made ready, from memory where it was asked for before."""
        prepared = self._prepared.get(group)
        if prepared is None:
            if len(self._prepared) >= MAX_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[group] = Prepared(group, self._index)
        return prepared

    def one(self, asks: Sequence[Ask], now: float | None) -> bytes:
        """The call for one request."""
        if len(asks) != 1 or now is not None:
            return self.many((asks,), now)
        client, group, evidence = asks[0]
        count, keys, rest = self.prepare(group).alone
        call = count + self._script.call + keys + bulk(self._keys.of(client)) + rest
        return call + bulk(encode(evidence[:MAX_EVIDENCE])) if group.strikes else call

    def many(self, requests: Sequence[Sequence[Ask]], now: float | None = None) -> bytes:
        """One call for several requests, each judged on its own, in order."""
        clients = [ask[0] for asks in requests for ask in asks]
        groups = dict.fromkeys(ask[1] for asks in requests for ask in asks)
        prepared = [self.prepare(group) for group in groups]
        places, following = {}, 3
        for group, ready in zip(groups, prepared, strict=True):
            places[group] = following
            following += ready.arguments
        index = self._index if any(group.strikes for group in groups) else None
        evidence = [encode(ask[2][:MAX_EVIDENCE]) for asks in requests for ask in asks if ask[1].strikes]
        plan = [index is not None, len(requests), *_plan(requests, places)]
        keys = [self._keys.of(client) for client in clients] + ([index] if index else [])
        arguments = [*keys, b"" if now is None else b"%.17g" % now, pack(f"<{len(plan)}H", *plan)]
        total = 3 + len(arguments) + following - 3 + len(evidence)
        return b"".join(
            (
                *(b"*%d\r\n" % total, self._script.call, bulk(b"%d" % len(keys))),
                *map(bulk, arguments),
                *(ready.encoded for ready in prepared),
                *map(bulk, reversed(evidence)),
            )
        )

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


def _readings(answer: bytes, meters: int) -> list[Reading]:
    """What is used of each meter, and what more some of them say."""
    numbers = unpack(f"<{len(answer) // 8}d", answer)
    readings = [(used, 0.0, 0) for used in numbers[:meters]]
    for place in range(meters, len(numbers), 3):
        meter, wait, level = numbers[place : place + 3]
        readings[int(meter)] = (numbers[int(meter)], wait, int(level))
    return readings


def _plan(requests: Iterable[Sequence[Ask]], places: dict[Group, int]) -> Iterator[int]:
    evidence = 0
    for asks in requests:
        yield len(asks)
        for _, group, _ in asks:
            evidence += group.strikes
            yield places[group]
            yield evidence if group.strikes else 0


def _banned(group: Group, ban: tuple[float, float, float]) -> Tally:
    rule, until, _ = ban
    if not rule:
        return UNCOUNTED
    return (MANUAL if rule == BY_HAND else group.bans[int(rule) - 1], until, ())
