"""Counters in Redis: one trip for any number of rules, what a decision costs beside redis-py's plainest EVALSHA, with
one request at a time and with 64 in flight, and a banned client that costs no trip at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, Final

import redis
import redis.asyncio

from bench.rounds import in_turns
from bench.rows import Row
from stockade.guard.gate import Guard
from stockade.guard.meter import MICROSECONDS, Ask, Group, Meter, Window
from stockade.guard.redis import AsyncRedisStore, RedisStore
from stockade.guard.request import Request
from stockade.guard.rules import Allow2Ban, Throttle
from tests.servers.redis import start_redis

CLIENTS: Final = 250
IN_FLIGHT: Final = 64
PATIENT: Final = 10.0
PLAIN: Final = "for n = 1, tonumber(ARGV[1]) do redis.call('HINCRBY', KEYS[1], n, 1) end return 1"
"""The plainest script that counts by as many rules: no window, no limit, no ban."""


def rows(*, quick: bool) -> list[Row]:
    """All of it, for 1, 5 and 20 rules of which the last bans."""
    turns, rounds = (100, 1) if quick else (1_000, 7)
    numbers = (5,) if quick else (1, 5, 20)
    with start_redis() as server:
        url = f"unix://{server.socket}"
        found = [row for number in numbers for row in one_by_one(url, number, turns, rounds)]
        found += [asyncio.run(in_flight(url, number, turns, rounds)) for number in numbers]
        return [*found, banned(url, turns * 20)]


def rules(number: int) -> Group:
    """So many rules, the last of which bans."""
    minute = 60.0 * MICROSECONDS
    throttles = [Meter(f"rule {n}", Window.SLIDING, 1e9, minute) for n in range(number - 1)]
    return Group([*throttles, Meter("logins", Window.STRIKES, 1e9, minute, 0.0, 1.0, 0.0, (10 * minute, 60 * minute))])


def ask(group: Group, turn: int) -> list[Ask]:
    return [(f"10.0.0.{turn % CLIENTS}", group, "POST /login 401")]


def trips(client: redis.Redis) -> int:
    """How many commands the server has been sent, scripts' own calls and this question left out."""
    stats: dict[str, Any] = client.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in ("evalsha", "eval", "fcall"))


def one_by_one(url: str, number: int, turns: int, rounds: int) -> list[Row]:
    """One decision after another, beside redis-py."""
    group = rules(number)
    client, store = redis.Redis.from_url(url), RedisStore(url, deadline=PATIENT)
    plain = client.script_load(PLAIN)
    store.count(ask(group, 0))
    before = trips(client)
    for turn in range(turns):
        store.count(ask(group, turn))
    spent = (trips(client) - before) / turns

    def bare(turn: int) -> object:
        return client.evalsha(plain, 1, f"plain:{turn % CLIENTS}", number)

    found = in_turns(
        {
            "bare": partial(each, bare, turns),
            "ours": partial(each, lambda turn: store.count(ask(group, turn)), turns),
        },
        rounds,
    )
    ratio = median(ours / theirs for ours, theirs in zip(found["ours"], found["bare"], strict=True))
    theirs, ours = median(found["bare"]), median(found["ours"])
    named = f"{number} rule{'s' if number > 1 else ''} with a ban"
    return [
        Row(f"trips of a decision by {named}", "1", f"{spent:g}", None, spent == 1.0, "as the server counts them"),
        Row(
            f"a decision by {named}, one at a time",
            "≤ 1.25 × one bare redis-py EVALSHA",
            f"{ours:.0f} µs beside {theirs:.0f} µs",
            ratio,
            ratio <= 1.25,
            f"the bare script does nothing but add one to {number} field{'s' if number > 1 else ''} of a hash",
        ),
    ]


def each(work: Callable[[int], object], turns: int) -> float:
    """Microseconds a call."""
    began = perf_counter()
    for turn in range(turns):
        work(turn)
    return (perf_counter() - began) / turns * 1e6


async def in_flight(url: str, number: int, turns: int, rounds: int) -> Row:
    """64 requests at once, beside redis-py's asyncio pool."""
    group = rules(number)
    shares: list[tuple[float, float]] = []
    async with AsyncRedisStore(url, deadline=PATIENT) as store:
        client = redis.asyncio.Redis.from_url(url)
        plain = await client.script_load(PLAIN)

        async def pooled(turn: int) -> None:
            await client.evalsha(plain, 1, f"plain:{turn % CLIENTS}", str(number))

        async def counted(turn: int) -> None:
            await store.count(ask(group, turn))

        await together(pooled, 5)
        await together(counted, 5)
        for _ in range(rounds):
            theirs = await together(pooled, turns // 20)
            shares.append((theirs, await together(counted, turns // 10)))
        await client.aclose()
    times = median(theirs / ours for theirs, ours in shares)
    theirs, ours = (median(column) for column in zip(*shares, strict=True))
    return Row(
        f"{IN_FLIGHT} decisions in flight by {number} rule{'s' if number > 1 else ''} with a ban",
        "≥ 5 × the decisions a second of redis-py's asyncio pool",
        f"{times:.1f} times: {ours:.1f} µs a decision beside {theirs:.0f} µs",
        times,
        times >= 5,
        "the same bare script",
    )


async def together(work: Callable[[int], Any], turns: int) -> float:
    """Microseconds a call, with 64 callers at once."""

    async def caller(number: int) -> None:
        for turn in range(turns):
            await work(number * 7 + turn)

    began = perf_counter()
    await asyncio.gather(*(caller(number) for number in range(IN_FLIGHT)))
    return (perf_counter() - began) / turns / IN_FLIGHT * 1e6


def banned(url: str, turns: int) -> Row:
    """A client that is known to be banned."""
    store = RedisStore(url, deadline=PATIENT)
    logins = Allow2Ban("logins", when=lambda request: request.path == "/login", maxretry=30, findtime=180, bantime=3600)
    guard = Guard(logins, *(Throttle(f"rule {n}", limit=1e9, period=60) for n in range(4)), store=store)
    guard.ban("203.0.113.9", 3600)
    group = guard.policy.check(Request(guard.client("203.0.113.9"), "GET", "/", lambda _: None)).asks[0][1]
    asked: list[Ask] = [("203.0.113.9", group, "")]
    with ExitStack() as stack:
        client = redis.Redis.from_url(url)
        stack.callback(client.close)
        store.count(asked)
        before = trips(client)
        cost = min(each(lambda _: store.count(asked), turns // 10) for _ in range(10))
        spent = trips(client) - before
    return Row(
        "a banned client",
        "≤ 2 µs, no trip",
        f"{cost:.2f} µs, {spent} trips in {turns:,} decisions",
        None,
        cost <= 2.0 and spent <= turns // 1_000,
        "what the store takes to say so",
    )
