"""The memory store is bounded, keeps who matters, and lets rules come and go while counters live."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stockade.errors import Unavailable
from stockade.guard.memory import SHARDS, MemoryStore
from stockade.guard.meter import MANUAL, MICROSECONDS, NETWORK, Ban, Group, Meter, Window

MINUTE = 60.0 * MICROSECONDS


def throttle(rule: str = "r", limit: float = 1e9, window: Window = Window.SLIDING) -> Group:
    return Group([Meter(rule, window, limit, MINUTE)])


LOGINS = Group([Meter("logins", Window.STRIKES, 1, MINUTE, 0.0, 1.0, 0.0, (10 * MINUTE,))])


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rows(store: MemoryStore) -> int:
    return sum(len(shard.bases) for shard in store._shards)


def used(store: MemoryStore, client: str, rule: str = "r") -> float:
    look = Group([Meter(rule, Window.SLIDING, 1e9, MINUTE, cost=0.0)])
    return store.count([(client, look, "")])[0][2][0][0]


def test_noise_never_takes_more_room_and_evicts_no_ban_and_nobody_active(clock: Clock) -> None:
    store, group = MemoryStore(clients=16 * SHARDS, clock=clock), throttle()
    for n in range(100):
        store.count([(f"banned {n}", LOGINS, "GET /")])
    for n in range(160 * SHARDS):
        clock.now += 0.0001
        store.count([(f"noise {n}", group, "")])
        if n % SHARDS == 0:
            store.count([("everyday", group, "")])
    assert rows(store) <= 16 * SHARDS
    assert len(list(store.bans())) == 100
    assert {store.count([(f"banned {n}", LOGINS, "")])[0][0] for n in range(100)} == {"logins"}
    assert used(store, "everyday") == 160


def test_the_dead_make_room_a_few_with_every_newcomer(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for n in range(10_000):
        store.count([(f"early {n}", throttle(), "")])
    clock.now += 3600
    group = throttle()
    for n in range(10_000):
        store.count([(f"late {n}", group, "")])
    assert rows(store) < 11_000
    assert sum(len(shard.cells) // shard.width for shard in store._shards) < 12_000


def test_what_is_known_of_a_ban_goes_when_its_client_does(clock: Clock) -> None:
    store = MemoryStore(clients=4 * SHARDS, clock=clock)
    for n in range(20):
        for each in range(SHARDS):
            store.count([(f"{n}/{each}", LOGINS, "")])
        clock.now += 86400
    assert list(store.bans()) == []
    assert sum(len(shard.bans) for shard in store._shards) <= 4 * SHARDS


def test_a_store_full_of_live_bans_says_so(clock: Clock) -> None:
    store = MemoryStore(clients=1, clock=clock)
    bans = [Ban(f"client {n}", MANUAL, clock.now, clock.now + 60) for n in range(5 * SHARDS)]
    with pytest.raises(Unavailable, match="full of live bans"):
        list(map(store.ban, bans))
    assert store.count([("one more", throttle(limit=1), "")])[0][2] == [(1.0, 0.0, 0)]


def test_rules_added_later_find_room_beside_counters_that_live_on(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    clients = [f"client {n}" for n in range(3 * SHARDS)]
    for client in clients:
        store.count([(client, throttle("one"), "")])
    store.forget(clients[0])
    for client in clients:
        store.count([(client, throttle("two"), ""), ("everyone", throttle("three"), "")])
        store.count([(client, throttle("one"), "")])
    assert {used(store, client, "one") for client in clients[1:]} == {2.0}
    assert {used(store, client, "two") for client in clients} == {1.0}
    assert used(store, clients[0], "one") == 1.0
    assert used(store, "everyone", "three") == len(clients)


def test_threads_lose_nothing_not_even_at_the_edge_of_a_window() -> None:
    seconds = iter(n / 1000 for n in range(1_000_000))
    store = MemoryStore(clock=lambda: next(seconds))
    group = Group([Meter("r", Window.FIXED, 1e9, 0.1 * MICROSECONDS)])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: store.count([("everyone", group, "")])[0][2][0][0], range(4000)))
    finally:
        sys.setswitchinterval(interval)
    assert sorted(found) == sorted([float(n) for n in range(1, 101)] * 40)


def test_networks_are_the_same_object_until_they_change(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    store.ban(Ban(f"{NETWORK}192.0.2.0/24", MANUAL, clock.now, clock.now + 60))
    store.ban(Ban(f"{NETWORK}198.51.100.0/24", MANUAL, clock.now, clock.now + 120))
    first = store.networks()
    assert len(first) == 2
    assert store.networks() is first
    clock.now += 60
    assert store.networks() == (f"{NETWORK}198.51.100.0/24",)
    assert len(store.forget(f"{NETWORK}198.51.100.0/24")) == 1
    assert store.networks() == ()
