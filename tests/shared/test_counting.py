"""Whoever asks, wherever: a limit is a limit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from stockade.guard.meter import MICROSECONDS, Group, Meter, Window
from stockade.guard.shared import SharedStore
from tests.shared.conftest import Start
from tests.shared.other import YEARS, Other, throttle


def test_four_processes_let_exactly_the_limit_through(start: Start) -> None:
    processes = [start() for _ in range(4)]
    for process in processes:
        process.tell("passes", "203.0.113.9", "all", 3000, 2000)
    passed = [process.answer() for process in processes]
    assert sum(passed) == 3000
    assert processes[0]("used", "203.0.113.9", "all") == [8000]


def test_the_threads_of_two_processes_lose_nothing(store: SharedStore, start: Start) -> None:
    other = start()
    other.tell("passes", "everyone", "all", 1e9, 3000)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: Other(store).passes("everyone", "all", 1e9, 500), range(6)))
    assert other.answer() == 3000
    assert Other(store).used("everyone", "all") == [6000]


def test_a_store_made_before_a_fork_counts_in_parent_and_child(store: SharedStore) -> None:
    other = Other(store)
    other.passes("everyone", "all", 1e9, 10)
    children = [in_a_child(lambda: other.passes("everyone", "all", 1e9, 1000)) for _ in range(3)]
    other.passes("everyone", "all", 1e9, 1000)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert other.used("everyone", "all") == [4010]


def test_a_fork_in_the_middle_of_another_threads_work_holds_nobody_up(store: SharedStore) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            Other(store).passes("everyone", "all", 1e9, 10)

    worker = threading.Thread(target=work)
    worker.start()
    children = [in_a_child(lambda: Other(store).passes("everyone", "all", 1e9, 50)) for _ in range(20)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    stop.set()
    worker.join()
    assert statuses == [0] * 20


def test_clients_of_several_kinds_are_counted_together_or_not_at_all(store: SharedStore) -> None:
    address, user = throttle("by address", 5), throttle("by user", 5)
    for _ in range(3):
        store.count([("203.0.113.9", address, ""), ("user:ann", user, "")])
    Other(store).ban("user:ann", 60)
    banned = store.count([("203.0.113.9", address, ""), ("user:ann", user, "")])
    assert [tally[0] for tally in banned] == ["", "manual"]
    assert Other(store).used("203.0.113.9", "by address") == [3]


def test_requests_in_opposite_order_do_not_wait_for_each_other_for_ever(store: SharedStore) -> None:
    one, two = throttle("one", 1e9), throttle("two", 1e9)

    def both(order: int) -> None:
        asks = [("203.0.113.9", one, ""), ("user:ann", two, "")]
        for _ in range(500):
            store.count(asks[::order])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(both, [1, -1, 1, -1]))
    assert Other(store).used("203.0.113.9", "one") == [2000]


def test_a_clock_set_back_neither_frees_nor_locks_out(store: SharedStore) -> None:
    group = Group([Meter("r", Window.SLIDING, 3, 60.0 * MICROSECONDS)])
    noon = 1.7e9 * MICROSECONDS

    def wait(now: float) -> float:
        return store.count([("203.0.113.9", group, "")], now)[0][2][0][1]

    assert [bool(wait(noon)) for _ in range(4)] == [False, False, False, True]
    assert 0.0 < wait(noon - 1 * MICROSECONDS) <= 120.0 * MICROSECONDS
    assert wait(noon - 86400.0 * MICROSECONDS) == 0.0


def test_a_clock_that_two_threads_read_out_of_order_loses_no_count_at_a_boundary(store: SharedStore) -> None:
    """The clock is read by who has the client to itself, so its windows only ever go forward."""
    seconds = iter(n / 1000 for n in range(1_000_000))
    store.clock = lambda: next(seconds)
    group = throttle("r", 1e9, period=0.1 * MICROSECONDS)
    with ThreadPoolExecutor(4) as threads:
        tallies = list(threads.map(lambda _: store.count([("everyone", group, "")])[0], range(2000)))
    used = [tally[2][0][0] for tally in tallies]
    assert {float(n) for n in range(1, 101)} == set(used)
    assert {used.count(float(n)) for n in range(1, 101)} == {20}


def test_only_looking_leaves_no_trace(store: SharedStore) -> None:
    look = Group([Meter("r", Window.SLIDING, 1, YEARS, cost=0.0)])
    for n in range(50):
        store.count([(f"client {n}", look, "")])
    assert not any(store._table.tags.tolist())


def in_a_child(work: Callable[[], object]) -> int:
    """Fork, and work in the child, which ends with 0 when all went well."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  a child must not come back
        os._exit(1)
