"""How meters count: what each window really admits, whatever a client does."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.guard.arithmetic import CELLS, bind
from stockade.guard.meter import MICROSECONDS, RESET, Meter, Window

GAPS = st.lists(st.one_of(st.just(0.0), st.floats(0.0, 30.0)), min_size=1, max_size=80)
START = 1_700_000_000.0


def admitted(meter: Meter, gaps: list[float]) -> list[float]:
    """When a client that asks after these gaps (seconds) is let in."""
    count, cells, now, found = bind(meter, 0), array("d", bytes(8 * 2 * CELLS)), START, []
    for gap in gaps:
        now += gap
        _, wait, _ = count(cells, 0, now * MICROSECONDS)
        if not wait:
            found.append(now)
    return found


def most_in_any(period: float, times: list[float]) -> int:
    return max((sum(1 for t in times if start <= t < start + period) for start in times), default=0)


@given(GAPS, st.integers(1, 10), st.integers(5, 60))
def test_a_sliding_window_admits_less_than_twice_its_limit(gaps: list[float], limit: int, period: int) -> None:
    found = admitted(Meter("r", Window.SLIDING, limit, period * MICROSECONDS), gaps)
    assert most_in_any(period, found) <= 2 * limit - (limit > 1)


@given(GAPS, st.integers(1, 10), st.integers(5, 60))
def test_a_fixed_window_admits_its_limit_in_each_aligned_window(gaps: list[float], limit: int, period: int) -> None:
    found = admitted(Meter("r", Window.FIXED, limit, period * MICROSECONDS), gaps)
    for window in {t // period for t in found}:
        assert sum(1 for t in found if t // period == window) <= limit


@given(GAPS, st.integers(1, 10), st.integers(5, 60), st.integers(1, 10))
def test_pacing_admits_its_burst_and_then_the_rate(gaps: list[float], limit: int, period: int, burst: int) -> None:
    found = admitted(Meter("r", Window.GCRA, limit, period * MICROSECONDS, burst=burst), gaps)
    assert most_in_any(period, found) <= burst + limit


@pytest.mark.parametrize("window", [Window.SLIDING, Window.FIXED, Window.GCRA])
@given(gaps=GAPS, limit=st.integers(1, 6))
@settings(deadline=None)
def test_who_waits_as_told_is_let_in(window: Window, gaps: list[float], limit: int) -> None:
    meter = Meter("r", window, limit, 20 * MICROSECONDS, burst=2)
    count, cells, now = bind(meter, 0), array("d", bytes(8 * CELLS)), START * MICROSECONDS
    for gap in gaps:
        now += gap * MICROSECONDS
        _, wait, _ = count(cells, 0, now)
        if wait:
            assert count(array("d", cells), 0, now + wait + 2)[1] == 0.0


def counted(meter: Meter) -> Callable[[float], tuple[float, float, int]]:
    count, cells = bind(meter, 0), array("d", bytes(8 * 2 * CELLS))
    return lambda seconds: count(cells, 0, (START + seconds) * MICROSECONDS)


def test_the_worst_of_a_sliding_window_is_reached() -> None:
    """All of a window in its last instant, then whatever has fallen out of sight."""
    gaps = [0.0] + [59.9] + [0.0] * 98 + [0.61] * 100
    found = admitted(Meter("r", Window.SLIDING, 100, 60 * MICROSECONDS), gaps)
    assert most_in_any(60, found) > 150


def test_a_clock_set_back_neither_frees_nor_locks_out() -> None:
    count = counted(Meter("r", Window.SLIDING, 2, 60 * MICROSECONDS))
    assert [count(t)[1] for t in (100.0, 101.0)] == [0.0, 0.0]
    assert count(90.0)[1] > 0.0
    assert count(230.0)[1] == 0.0


def test_a_clock_set_far_back_starts_anew() -> None:
    count = counted(Meter("r", Window.SLIDING, 1, 60 * MICROSECONDS))
    count(10_000.0)
    assert count(0.0)[1] == 0.0


def test_pacing_outlives_a_clock_set_back() -> None:
    count = counted(Meter("r", Window.GCRA, 60, 60 * MICROSECONDS, burst=2))
    for _ in range(3):
        count(10_000.0)
    assert count(0.0)[1] == 0.0
    assert count(0.0)[1] == 0.0
    assert 0.0 < count(0.0)[1] <= 2 * MICROSECONDS


def test_clearing_a_meter_makes_it_new() -> None:
    for window in (Window.SLIDING, Window.FIXED, Window.GCRA):
        meter = Meter("r", window, 2, 60 * MICROSECONDS, burst=2)
        count, clear = bind(meter, 0), bind(meter._replace(cost=RESET, need=0.0), 0)
        cells, now = array("d", bytes(8 * CELLS)), START * MICROSECONDS
        for _ in range(2):
            count(cells, 0, now)
        assert count(cells, 0, now)[1] > 0.0
        assert clear(cells, 0, now)[0] == 0.0
        assert count(cells, 0, now)[1] == 0.0


def test_looking_changes_nothing() -> None:
    for window in (Window.SLIDING, Window.GCRA):
        meter = Meter("r", window, 1, 60 * MICROSECONDS, burst=1)
        look = bind(meter._replace(cost=0.0), 0)
        cells, now = array("d", bytes(8 * CELLS)), START * MICROSECONDS
        for _ in range(5):
            assert look(cells, 0, now)[1] == 0.0
        bind(meter, 0)(cells, 0, now)
        assert look(cells, 0, now)[1] > 0.0
