"""Counters in Redis: one trip for any number of rules, what a decision costs beside redis-py's plainest EVALSHA when
requests come one at a time, and beside the same decision through redis-py's asyncio pool when 64 are in flight, and a
banned client that costs no trip at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

import redis
import redis.asyncio
from hiredis import Reader

from bench.rounds import in_turns
from bench.rows import Row
from stockade.guard.gate import Guard
from stockade.guard.meter import MICROSECONDS, Ask, Group, Meter, Window
from stockade.guard.redis import AsyncRedisStore, RedisStore
from stockade.guard.redis.asks import Encoder
from stockade.guard.redis.keys import Keys
from stockade.guard.redis.script import Script
from stockade.guard.request import Request
from stockade.guard.rules import Allow2Ban, Rule, Throttle
from tests.servers.redis import RedisServer, start_redis

CLIENTS: Final = 250
IN_FLIGHT: Final = 64
PATIENT: Final = 10.0
BANNED: Final = "203.0.113.9"
PLAIN: Final = "for n = 1, tonumber(ARGV[1]) do redis.call('HINCRBY', KEYS[1], n, 1) end return 1"
"""The plainest script that counts by as many rules: no window, no limit, no ban."""


def rows(*, quick: bool) -> list[Row]:
    """All of it, for 1, 5 and 20 rules of which the last bans."""
    turns, rounds = (5, 2) if quick else (20, 300)
    numbers = (5,) if quick else (1, 5, 20)
    with start_redis() as server:
        url = f"unix://{server.socket}"
        found = [row for number in numbers for row in one_by_one(url, number, turns, rounds)]
        found += [row for number in numbers for row in asyncio.run(in_flight(server, number, turns, rounds // 10 + 1))]
        return [*found, *banned(url, 1_000 * turns)]


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
    """One decision after another, beside redis-py: few at a time, so that both meet the same moods of the machine."""
    group = rules(number)
    client, store = redis.Redis.from_url(url), RedisStore(url, deadline=PATIENT)
    plain = client.script_load(PLAIN)
    store.count(ask(group, 0))
    before = trips(client)
    for turn in range(CLIENTS):
        store.count(ask(group, turn))
    spent = (trips(client) - before) / CLIENTS

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


async def in_flight(server: RedisServer, number: int, turns: int, rounds: int) -> list[Row]:
    """64 requests at once, beside redis-py's asyncio pool: with the very script and arguments, and with a bare one."""
    url, group, script = f"unix://{server.socket}", rules(number), Script()
    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "same": [], "bare": []}
    async with AsyncRedisStore(url, deadline=PATIENT) as store:
        client = redis.asyncio.Redis.from_url(url)
        plain, same = await client.script_load(PLAIN), await client.script_load(script.text)
        calls = [arguments(script, ask(group, turn)) for turn in range(CLIENTS)]

        async def bare(turn: int) -> None:
            await client.evalsha(plain, 1, f"plain:{turn % CLIENTS}", str(number))

        async def the_same(turn: int) -> None:
            await client.evalsha(same, *calls[turn % CLIENTS])

        async def ours(turn: int) -> None:
            await store.count(ask(group, turn))

        for _ in range(rounds + 1):
            found["bare"].append(await together(bare, turns // 2, server))
            found["same"].append(await together(the_same, turns // 2, server))
            found["ours"].append(await together(ours, 2 * turns, server))
        await client.aclose()
    figures = {name: rounded[1:] for name, rounded in found.items()}  # the first one warmed up
    return [beside("same", number, figures), beside("bare", number, figures)]


def arguments(script: Script, asks: list[Ask]) -> list[Any]:
    """What redis-py is given to make the same decision, under keys of its own: how many keys, the keys, the rest."""
    keys = Keys("pool")
    reader = Reader()
    reader.feed(Encoder(keys, script, keys.bans).call([asks]))
    _, _, number, *rest = reader.gets()
    return [int(number), *rest]


PEERS: Final = {
    "same": "64 in flight: a decision by {} with a ban, beside the same script and arguments through redis-py's pool",
    "bare": "the same, beside a bare script through redis-py's pool that adds one to {}",
}


def beside(peer: str, number: int, figures: dict[str, list[tuple[float, float, float]]]) -> Row:
    """How many times as many decisions a second we make as a peer makes calls."""
    many = "s" if number > 1 else ""
    times = median(theirs[0] / ours[0] for ours, theirs in zip(figures["ours"], figures[peer], strict=True))
    ours, here, there = (median(column) for column in zip(*figures["ours"], strict=True))
    theirs, its, its_there = (median(column) for column in zip(*figures[peer], strict=True))
    bar = "≥ 5 × the decisions a second of redis-py's asyncio pool" if peer == "same" else ""
    return Row(
        PEERS[peer].format(f"{number} field{many}" if peer == "bare" else f"{number} rule{many}"),
        bar,
        f"{times:.1f} times: {ours:.1f} µs beside {theirs:.0f} µs",
        times,
        times >= 5 if bar else None,
        f"processor time of Python and of Redis: {here:.1f} and {there:.1f} µs beside {its:.0f} and {its_there:.0f} µs",
    )


async def together(work: Callable[[int], Any], turns: int, server: RedisServer) -> tuple[float, float, float]:
    """Microseconds a call with 64 callers at once: by the clock, of this process's time and of the server's."""

    async def caller(number: int) -> None:
        for turn in range(turns):
            await work(number * 7 + turn)

    began = perf_counter(), process_time(), busy(server)
    await asyncio.gather(*(caller(number) for number in range(IN_FLIGHT)))
    ended = perf_counter(), process_time(), busy(server)
    clock, here, there = (
        (after - before) / turns / IN_FLIGHT * 1e6 for before, after in zip(began, ended, strict=True)
    )
    return clock, here, there


def busy(server: RedisServer) -> float:
    """Seconds of processor time that the server's main thread has used until now."""
    process = server.process.pid
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def banned(url: str, turns: int) -> list[Row]:
    """The whole decision about a client that is known to be banned, for who waits and for who awaits."""
    with RedisStore(url, deadline=PATIENT) as store, redis.Redis.from_url(url) as client:
        guard = Guard(*banning(), store=store)
        guard.ban(BANNED, 3600)
        asked = Request(guard.client(BANNED), "GET", "/", lambda _: None)
        found = [shut_out("a banned client", lambda: timed(guard, asked, turns), turns, client)]
        return [*found, shut_out("a banned client, awaited", lambda: asyncio.run(awaited(url, turns)), turns, client)]


def banning() -> list[Rule]:
    """Four throttles, and a ban."""
    logins = Allow2Ban("logins", when=lambda request: request.path == "/login", maxretry=30, findtime=180, bantime=3600)
    return [logins, *(Throttle(f"rule {n}", limit=1e9, period=60) for n in range(4))]


def timed(guard: Guard, asked: Request, turns: int) -> list[float]:
    """Microseconds a decision, round by round."""
    return [each(lambda _: guard.decide(asked), turns) for _ in range(10)]


async def awaited(url: str, turns: int) -> list[float]:
    """The same for who awaits."""
    rounds = []
    async with AsyncRedisStore(url, deadline=PATIENT) as store:
        guard = Guard(*banning(), store=store)
        asked = Request(guard.client(BANNED), "GET", "/", lambda _: None)
        for _ in range(10):
            began = perf_counter()
            for _ in range(turns):
                await guard.adecide(asked)
            rounds.append((perf_counter() - began) / turns * 1e6)
    return rounds


def shut_out(title: str, rounds: Callable[[], list[float]], turns: int, client: redis.Redis) -> Row:
    """What one decision cost, and how many trips all of them took."""
    before = trips(client)
    found = rounds()
    spent, cost = trips(client) - before, median(found)
    many = turns * len(found)
    return Row(
        title,
        "≤ 2 µs, no trip",
        f"{cost:.2f} µs, {spent} trips in {many:,} decisions",
        None,
        cost <= 2.0 and spent <= many // 1_000,
        "the guard's whole decision, written down for the log; the ban is looked up once a second",
    )
