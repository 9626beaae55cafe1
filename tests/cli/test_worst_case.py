"""What a rule is said to admit at most is what it admits at most, request by request."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as some

from stockade.app.worst_case import worst_case
from stockade.guard.arithmetic import bind
from stockade.guard.conditions import path
from stockade.guard.lanes import COUNT, Entry
from stockade.guard.request import Request
from stockade.guard.rules import Allow2Ban, Metered, Safelist, Throttle, WindowName

PERIOD = 60.0
START = 1_700_000_040_000_000.0  # microseconds; the beginning of a minute
FINEST = 1.0

limits = some.integers(1, 12)
windows: some.SearchStrategy[WindowName] = some.sampled_from(["sliding", "fixed", "gcra"])
moments = some.lists(some.integers(0, 4 * 60_000_000).map(float), min_size=1, max_size=120).map(sorted)


def admitted(rule: Metered, times: Sequence[float]) -> list[float]:
    """When requests at these times pass, or for a ban: when a failure goes unpunished."""
    meter = Entry(rule).meter(COUNT, _ANY, asks=True, exempt=False)
    count, cells = bind(meter, 0), array("d", bytes(8 * 6))
    return [time for time in times if count(cells, 0, START + time)[1] == 0.0]


def most_in_a_period(times: Sequence[float]) -> int:
    """The most of them in any interval of one period, its end left out."""
    return max((sum(t <= u < t + PERIOD * 1e6 for u in times) for t in times), default=0)


@given(limits, windows, moments)
@settings(max_examples=300)
def test_no_schedule_gets_more_than_the_worst_case(limit: int, window: WindowName, times: list[float]) -> None:
    rule = Throttle("r", limit=limit, period=PERIOD, window=window)
    worst = worst_case(rule)
    assert worst is not None
    assert most_in_a_period(admitted(rule, times)) <= worst.admitted


@given(limits)
def test_sliding_can_be_driven_to_its_worst_case_exactly(limit: int) -> None:
    rule = Throttle("r", limit=limit, period=PERIOD)
    edge = PERIOD * 1e6
    passed = admitted(rule, [0.0] + [2 * edge - FINEST] * limit + [3 * edge - 2 * FINEST] * limit)
    at_once = admitted(rule, [0.0] * (limit + 1))
    worst = worst_case(rule)
    assert worst is not None
    assert max(most_in_a_period(passed), len(at_once)) == worst.admitted == max(limit, 2 * limit - 2)


@given(limits)
def test_fixed_can_be_driven_to_its_worst_case_exactly(limit: int) -> None:
    rule = Throttle("r", limit=limit, period=PERIOD, window="fixed")
    edge = PERIOD * 1e6
    passed = admitted(rule, [edge - FINEST] * limit + [edge] * limit)
    worst = worst_case(rule)
    assert worst is not None
    assert most_in_a_period(passed) == worst.admitted == 2 * limit


@given(limits, some.integers(1, 5))
def test_gcra_admits_its_burst_and_then_its_pace(limit: int, burst: int) -> None:
    rule = Throttle("r", limit=limit, period=PERIOD, window="gcra", burst=burst)
    paced = [n * (PERIOD * 1e6 / limit + FINEST) for n in range(limit + 1)]
    passed = admitted(rule, sorted([0.0] * burst + paced))
    worst = worst_case(rule)
    assert worst is not None
    assert len([t for t in passed if t <= PERIOD * 1e6 + (limit + 1) * FINEST]) == worst.admitted == limit + burst


@given(some.integers(2, 12), moments)
@settings(max_examples=300)
def test_no_schedule_of_failures_goes_unpunished_more_often_than_said(maxretry: int, times: list[float]) -> None:
    rule = Allow2Ban("r", path("/"), maxretry=maxretry, findtime=PERIOD, bantime=3600)
    worst = worst_case(rule)
    assert worst is not None
    assert most_in_a_period(admitted(rule, times)) <= worst.admitted


@given(some.integers(2, 12))
def test_a_patient_guesser_can_go_that_far_exactly(maxretry: int) -> None:
    rule = Allow2Ban("r", path("/"), maxretry=maxretry, findtime=PERIOD, bantime=3600)
    edge = PERIOD * 1e6
    patient = [0.0] + [2 * edge - FINEST] * (maxretry - 1) + [3 * edge - 2 * FINEST] * (maxretry - 1)
    worst = worst_case(rule)
    assert worst is not None
    assert most_in_a_period(admitted(rule, patient)) == worst.admitted == 2 * (maxretry - 1)


def test_what_does_not_count_has_no_worst_case() -> None:
    assert worst_case(Safelist("s", path("/"))) is None
    assert worst_case(Throttle("t", limit=lambda _request: 3, period=60)) is None


_ANY = Request.__new__(Request)
