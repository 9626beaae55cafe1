"""What people do: ban, lift, list. Each is a generator that yields commands, with the key each belongs to, and is sent
the replies, so that one text serves both stores and every topology.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from struct import Struct
from typing import Final, TypeVar

from stockade.guard.meter import FOREVER, MICROSECONDS, Ask, Ban, Tally, is_network
from stockade.guard.redis.greeting import Reply, words
from stockade.guard.redis.keys import Keys, decode, encode
from stockade.guard.redis.script import BAN, ENLIST, FORGET

T = TypeVar("T")
Command = tuple[bytes, bytes]
"""A key, and the encoded command that belongs to where it lives."""
Program = Generator[Sequence[Command], list[Reply], T]

TIME: Final = words("TIME")
PAGE: Final = 500
PLACED: Final = Struct("<dd")
MAX_NETWORKS: Final = 10_000


def place(keys: Keys, ban: Ban) -> Program[None]:
    """Place a ban by hand, and enter it in the lists."""
    key = keys.of(ban.client)
    until = min(ban.until * MICROSECONDS, FOREVER)
    texts = (ban.reason, ban.evidence, str(ban.level), ban.by)
    numbers = (_number(until), _number(ban.since * MICROSECONDS))
    lists = [keys.bans, keys.networks] if is_network(ban.client) else [keys.bans]
    yield [
        (key, words("EVAL", BAN, 1, key, encode(ban.rule), *numbers, *map(encode, texts))),
        *(enlist(index, key, until) for index in lists),
    ]


def enlist(index: bytes, key: bytes, until: float) -> Command:
    """The command that enters a client's key in an index of bans."""
    return index, words("EVAL", ENLIST, 1, index, key, _number(until))


def placed(keys: Keys, asks: Sequence[Ask], tallies: Sequence[Tally], now: float) -> list[Command]:
    """The commands that enter what these tallies banned in the index, where the script itself could not."""
    return [
        enlist(keys.bans, keys.of(client), min(now + wait, FOREVER))
        for (client, group, _), (_, _, readings) in zip(asks, tallies, strict=True)
        if group.strikes
        for _, wait, level in readings
        if level
    ]


def forget(keys: Keys, client: str) -> Program[list[Ban]]:
    """Delete all that is known of a client; answer the bans that were live."""
    key = keys.of(client)
    lists = [keys.bans, keys.networks] if is_network(client) else [keys.bans]
    removals = [(index, words("ZREM", index, key)) for index in lists]
    known, time, *_ = yield [(key, words("EVAL", FORGET, 1, key)), (key, TIME), *removals]
    return list(live(client, known, _microseconds(time)))


def bans(keys: Keys) -> Program[list[Ban]]:
    """Every live ban, each verified in its client's own hash, so that one deleted by hand is not shown."""
    found: dict[bytes, list[Ban]] = {}
    cursor = b"0"
    while True:
        index = keys.bans
        time, page = yield [(index, TIME), (index, words("ZSCAN", index, cursor, "COUNT", PAGE))]
        now, members = _microseconds(time), [m for m in page[1][::2] if m not in found]
        known = yield [(member, words("HGETALL", member)) for member in members]
        found |= {m: list(live(keys.client(m), each, now)) for m, each in zip(members, known, strict=True)}
        cursor = page[0]
        if cursor == b"0":
            return [ban for each in found.values() for ban in each]


def networks(keys: Keys) -> Program[tuple[str, ...]]:
    """The networks whose ban by hand is live."""
    index = keys.networks
    time, members = yield [(index, TIME), (index, words("ZRANGE", index, 0, MAX_NETWORKS - 1))]
    if not members:
        return ()
    now = _microseconds(time)
    until = yield [(member, words("HGET", member, "manual")) for member in members]
    return tuple(sorted(keys.client(m) for m, u in zip(members, until, strict=True) if float(u or 0) > now))


def live(client: str, known: Sequence[bytes], now: float) -> Iterator[Ban]:
    """The live bans in a client's hash, which is fields and values in turn."""
    fields = dict(zip(known[::2], known[1::2], strict=True))
    for name, value in fields.items():
        kind, _, rule = name.partition(b":")
        if kind == b"ban":
            until, level = PLACED.unpack(value)
            if until > now:
                since = float(fields.get(b"since:" + rule, 0)) / MICROSECONDS
                reason, evidence, by = (
                    decode(fields.get(each + rule, b"")) for each in (b"reason:", b"evidence:", b"by:")
                )
                yield Ban(client, decode(rule), since, until / MICROSECONDS, reason, evidence, int(level), by)


def _microseconds(time: Sequence[bytes]) -> float:
    return int(time[0]) * MICROSECONDS + float(time[1])


def _number(value: float) -> bytes:
    return b"%.17g" % value
