"""How much a client has used: each window, seen through every store."""

from __future__ import annotations

import pytest

from tests.contract.meters import MINUTE, SECOND, clear, fixed, gcra, group, look, sliding, strikes
from tests.contract.stores import Asked, now, readings, used

CLIENT = "203.0.113.9"


def moment() -> float:
    """The start of a minute, so that windows aligned to the epoch begin with the test."""
    return now() // MINUTE * MINUTE + MINUTE


T = moment()


def test_a_request_finds_room_until_the_limit_is_used(store: Asked) -> None:
    three_a_minute = group(sliding(3))
    assert [readings(store, CLIENT, three_a_minute, T)[0][:2] for _ in range(4)] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (3, MINUTE + 20 * SECOND),
    ]


def test_what_is_refused_by_a_sliding_window_is_not_counted(store: Asked) -> None:
    three_a_minute = group(sliding(3))
    for _ in range(20):
        readings(store, CLIENT, three_a_minute, T)
    assert used(store, CLIENT, group(look(sliding(3))), T) == [3]


def test_there_is_room_exactly_when_the_wait_is_over(store: Asked) -> None:
    three_a_minute = group(sliding(3))
    for second in range(3):
        readings(store, CLIENT, three_a_minute, T + second * SECOND)
    ((_, wait, _),) = readings(store, CLIENT, three_a_minute, T + 10 * SECOND)
    assert readings(store, CLIENT, three_a_minute, T + 10 * SECOND + wait - 2)[0][1] > 0
    assert readings(store, CLIENT, three_a_minute, T + 10 * SECOND + wait + 2)[0][1] == 0


def test_the_window_before_counts_by_the_share_still_in_sight(store: Asked) -> None:
    many = group(sliding(100))
    for _ in range(8):
        readings(store, CLIENT, many, T)
    assert used(store, CLIENT, many, T + 75 * SECOND) == [8 * 0.75 + 1]


def test_a_sliding_window_opens_with_the_clients_first_request(store: Asked) -> None:
    many = group(sliding(100))
    readings(store, CLIENT, many, T + 50 * SECOND)
    assert used(store, CLIENT, many, T + 109 * SECOND) == [2]


def test_after_two_quiet_windows_nothing_is_left(store: Asked) -> None:
    many = group(sliding(100))
    readings(store, CLIENT, many, T)
    assert used(store, CLIENT, many, T + 2 * MINUTE) == [1]


def test_a_fixed_window_is_aligned_to_the_epoch(store: Asked) -> None:
    quota = group(fixed(100))
    assert used(store, CLIENT, quota, T + 59 * SECOND) == [1]
    assert used(store, CLIENT, quota, T + 59.9 * SECOND) == [2]
    assert used(store, CLIENT, quota, T + 60 * SECOND) == [1]


def test_a_fixed_window_counts_what_it_refuses_and_waits_for_its_end(store: Asked) -> None:
    quota = group(fixed(2))
    found = [readings(store, CLIENT, quota, T + 15 * SECOND)[0] for _ in range(4)]
    assert found == [(1, 0, 0), (2, 0, 0), (3, 45 * SECOND, 0), (4, 45 * SECOND, 0)]


def test_a_pace_lets_a_burst_through_and_then_one_each_interval(store: Asked) -> None:
    one_a_second = group(gcra(60, 60, burst=3))
    assert [readings(store, CLIENT, one_a_second, T)[0][1] for _ in range(4)] == [0, 0, 0, SECOND]
    assert readings(store, CLIENT, one_a_second, T + SECOND)[0][1] == 0
    assert readings(store, CLIENT, one_a_second, T + SECOND)[0][1] == SECOND


def test_a_limit_of_nothing_refuses_everything(store: Asked) -> None:
    none = group(sliding(0), fixed(0), gcra(0, burst=1))
    found = readings(store, CLIENT, none, T)
    assert all(wait > 0 for _, wait, _ in found)


@pytest.mark.parametrize("meter", [sliding(10, cost=4, need=4), fixed(10, cost=4, need=4), gcra(10, burst=10, cost=4)])
def test_a_request_may_cost_more_than_one(store: Asked, meter: object) -> None:
    dear = group(meter)  # type: ignore[arg-type]
    assert [readings(store, CLIENT, dear, T)[0][1] > 0 for _ in range(3)] == [False, False, True]


def test_a_cost_may_be_a_fraction(store: Asked) -> None:
    cheap = group(sliding(1, cost=0.25, need=0.25))
    assert [used(store, CLIENT, cheap, T)[0] for _ in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_what_is_settled_is_added_without_asking_for_room(store: Asked) -> None:
    settled = group(sliding(1, need=0))
    assert [readings(store, CLIENT, settled, T)[0] for _ in range(3)] == [(1, 0, 0), (2, 0, 0), (3, 0, 0)]


def test_a_look_counts_nothing_and_says_when_there_is_room(store: Asked) -> None:
    for _ in range(3):
        readings(store, CLIENT, group(sliding(3)), T)
    looking = group(look(sliding(3)))
    assert [readings(store, CLIENT, looking, T)[0][0] for _ in range(5)] == [3] * 5
    assert readings(store, CLIENT, looking, T)[0][1] > 0


def test_a_look_at_an_unknown_client_leaves_it_unknown(store: Asked) -> None:
    assert used(store, CLIENT, group(look(sliding()), look(fixed()), look(strikes())), T) == [0, 0, 0]
    assert store.forget(CLIENT) == []


@pytest.mark.parametrize("meter", [sliding(), fixed(), gcra(burst=9), strikes(9)])
def test_clearing_begins_anew(store: Asked, meter: object) -> None:
    counted, cleared = group(meter), group(clear(meter))  # type: ignore[arg-type]
    for _ in range(2):
        readings(store, CLIENT, counted, T)
    assert used(store, CLIENT, cleared, T) == [0]
    assert used(store, CLIENT, counted, T) == [1]


def test_every_meter_counts_though_another_refuses(store: Asked) -> None:
    both = group(sliding(1, rule="short"), sliding(100, rule="long"))
    for _ in range(5):
        readings(store, CLIENT, both, T)
    assert used(store, CLIENT, group(look(sliding(1, rule="short")), look(sliding(100, rule="long"))), T) == [1, 5]


def test_rules_and_clients_have_counters_of_their_own(store: Asked) -> None:
    for number in range(300):
        assert used(store, f"198.51.100.{number}", group(sliding(rule=f"rule {number % 7}")), T) == [1]
    assert used(store, "198.51.100.7", group(sliding(rule="rule 0")), T) == [2]
    assert used(store, "198.51.100.7", group(sliding(rule="rule 1")), T) == [1]


def test_rules_may_come_and_go_while_their_counters_live(store: Asked) -> None:
    assert used(store, CLIENT, group(sliding(rule="old")), T) == [1]
    assert used(store, CLIENT, group(fixed(rule="new"), sliding(rule="old")), T) == [1, 2]
    assert used(store, CLIENT, group(sliding(rule="old")), T) == [3]


@pytest.mark.parametrize("meter", [sliding(3), gcra(60, burst=3)])
def test_a_clock_set_back_a_little_neither_frees_nor_locks(store: Asked, meter: object) -> None:
    limited = group(meter)  # type: ignore[arg-type]
    for _ in range(3):
        readings(store, CLIENT, limited, T)
    assert readings(store, CLIENT, limited, T - 0.5 * SECOND)[0][1] > 0
    assert readings(store, CLIENT, limited, T + 3 * MINUTE)[0][1] == 0


def test_a_clock_set_back_by_hours_does_not_lock_a_window(store: Asked) -> None:
    limited = group(sliding(3), fixed(3))
    for _ in range(3):
        readings(store, CLIENT, limited, T)
    assert [wait for _, wait, _ in readings(store, CLIENT, limited, T - 600 * MINUTE)] == [0, 0]


def test_without_a_time_the_store_takes_its_own(store: Asked) -> None:
    assert used(store, CLIENT, group(sliding())) == [1]
    assert used(store, CLIENT, group(sliding())) == [2]
    assert used(store, CLIENT, group(look(sliding())), now() + 3 * MINUTE) == [0]


def test_a_burst_that_drains_slowly_is_not_forgotten_early(store: Asked) -> None:
    slow = group(gcra(1, 1, burst=120))
    for _ in range(120):
        readings(store, CLIENT, slow)
    assert readings(store, CLIENT, slow)[0][1] > 0
    assert slow.lifetime >= 120 * SECOND
