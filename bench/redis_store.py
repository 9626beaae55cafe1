"""What a decision costs with the Redis store, beside redis-py doing one EVALSHA: `python bench/redis_store.py`.

Rounds are interleaved and medians shown, in microseconds; trust the ratios.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import redis.asyncio

from stockade import Allow2Ban, Guard, Request, Throttle, path
from stockade.guard.meter import MICROSECONDS, Ask, Group, Meter, Window
from stockade.guard.redis import AsyncRedisStore, RedisStore
from stockade.guard.redis.asks import Encoder
from stockade.guard.redis.keys import Keys
from stockade.guard.redis.script import Script

ROUNDS = 5
CLIENTS = 250
IN_FLIGHT = 64
PATIENT = 10.0


def rules(number: int) -> Group:
    """So many rules, the last of them a ban."""
    minute = 60.0 * MICROSECONDS
    throttles = [Meter(f"rule {n}", Window.SLIDING, 1e9, minute) for n in range(number - 1)]
    return Group([*throttles, Meter("logins", Window.STRIKES, 1e9, minute, 0.0, 1.0, 0.0, (10 * minute, 60 * minute))])


def ask(group: Group, turn: int) -> list[Ask]:
    return [(f"10.0.0.{turn % CLIENTS}", group, "POST /login 401")]


def same_words(group: Group) -> list[bytes]:
    """The very command that the store sends, for redis-py to send too."""
    keys, script = Keys("stockade"), Script()
    message = Encoder(keys, script, keys.bans).one(ask(group, 0), None)
    words, rest = [], message.split(b"\r\n", 1)[1]
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        words.append(rest[: int(length[1:])])
        rest = rest[int(length[1:]) + 2 :]
    return words


@contextmanager
def server() -> Iterator[str]:
    """A Redis of its own on a Unix socket."""
    with tempfile.TemporaryDirectory() as directory:
        socket = f"{directory}/redis.sock"
        options = ["--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        while not Path(socket).exists():
            time.sleep(0.01)
        try:
            yield socket
        finally:
            process.kill()
            process.wait()


def one_at_a_time(work: Callable[[int], object], turns: int = 2000) -> float:
    began = time.perf_counter()
    for turn in range(turns):
        work(turn)
    return (time.perf_counter() - began) / turns * 1e6


async def in_flight(work: Callable[[int], Awaitable[object]], turns: int = 50) -> float:
    async def worker(number: int) -> None:
        for turn in range(turns):
            await work(number * 7 + turn)

    began = time.perf_counter()
    await asyncio.gather(*(worker(number) for number in range(IN_FLIGHT)))
    return (time.perf_counter() - began) / turns / IN_FLIGHT * 1e6


def waited(socket: str) -> None:
    client, store = redis.Redis(unix_socket_path=socket), RedisStore(f"unix://{socket}", deadline=PATIENT)
    tiny = client.script_load("return 1")
    print(
        "one at a time: redis-py EVALSHA `return 1` | redis-py, the same command | RedisStore | to `return 1` | to same"
    )
    for number in (1, 5, 20):
        group = rules(number)
        words = same_words(group)
        store.count(ask(group, 0))
        found = []
        for _ in range(ROUNDS):
            bare = one_at_a_time(lambda turn: client.evalsha(tiny, 1, f"stockade:{{10.0.0.{turn % CLIENTS}}}"))
            same = one_at_a_time(lambda _, words=words: client.execute_command(*words))
            ours = one_at_a_time(lambda turn, group=group: store.count(ask(group, turn)))
            found.append((bare, same, ours))
        bare, same, ours = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{number:3} rules {bare:8.1f} {same:8.1f} {ours:8.1f} {ours / bare:8.2f} {ours / same:8.2f}")


async def awaited(socket: str) -> None:
    print(
        f"{IN_FLIGHT} in flight: redis-py pool, the same command | AsyncRedisStore | times as many decisions a second"
    )
    client = redis.asyncio.Redis(unix_socket_path=socket)
    async with AsyncRedisStore(f"unix://{socket}", deadline=PATIENT) as store:
        for number in (1, 5, 20):
            group = rules(number)
            words = same_words(group)
            found = []
            for _ in range(ROUNDS):
                pool = await in_flight(lambda _, words=words: client.execute_command(*words))
                ours = await in_flight(lambda turn, group=group: store.count(ask(group, turn)))
                found.append((pool, ours))
            pool, ours = (statistics.median(column) for column in zip(*found, strict=True))
            print(f"{number:3} rules {pool:8.1f} {ours:8.1f} {pool / ours:8.2f}")
    await client.aclose()


def banned(socket: str) -> None:
    store = RedisStore(f"unix://{socket}", deadline=PATIENT, prefix="banned")
    logins = Allow2Ban("logins", when=path("/login"), maxretry=30, findtime=180, bantime=3600)
    guard = Guard(logins, *(Throttle(f"rule {n}", limit=1e9, period=60) for n in range(4)), store=store)
    guard.ban("203.0.113.9", 3600)

    def decide(_: int) -> object:
        return guard.decide(Request(guard.client("203.0.113.9"), "GET", "/", lambda _: None))

    request = Request(guard.client("203.0.113.9"), "GET", "/", lambda _: None)
    group = guard.policy.check(request).asks[0][1]
    whole = statistics.median(one_at_a_time(lambda _: guard.decide(request), 20_000) for _ in range(ROUNDS))
    look = statistics.median(
        one_at_a_time(lambda _: store.count([("203.0.113.9", group, "")]), 20_000) for _ in range(3)
    )
    print(f"a banned client: guard.decide {whole:.2f}, of which the store {look:.2f}")


if __name__ == "__main__":
    with server() as where:
        waited(where)
        asyncio.run(awaited(where))
        banned(where)
