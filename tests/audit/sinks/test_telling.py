"""How sinks stand is told in the log: at once, and never so often that it fills it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.actions import BEHAVIOUR_OF
from stockade.audit.sinks.telling import LATE, MOST, WINDOW, Seen, Telling
from stockade.events import Event, Ref

WELL = Seen()


def failing(failures: int, since: float, error: str = "vault is away: Connection refused") -> Seen:
    return Seen(failures=failures, error=error, failing=since, behind=3, lag=1.0)


def told(event: Event | None) -> tuple[str, object] | None:
    return (event.action, event.details["times"]) if event else None


def test_a_sink_that_was_always_well_is_not_spoken_of() -> None:
    telling = Telling()
    assert [telling.look("vault", WELL, float(now)) for now in range(0, 10_000, 100)] == [None] * 100


def test_a_failure_is_told_at_once_and_then_once_a_window_with_a_count() -> None:
    telling = Telling()
    first = telling.look("vault", failing(1, 5.0), 5.0)
    assert first == Event(
        time=5.0,
        action="log.sink.down",
        target=Ref("stockade", "sink", "vault"),
        outcome="failure",
        details={
            "behind": 3, "lag": 1.0, "times": 1, "error": "vault is away: Connection refused", "failing_for": 0.0
        },
    )  # fmt: skip
    assert telling.look("vault", failing(9, 5.0), 4.9 + WINDOW) is None
    again = telling.look("vault", failing(11, 5.0), 5.0 + WINDOW)
    assert told(again) == ("log.sink.down", 10)
    assert again is not None
    assert again.details["failing_for"] == WINDOW
    assert told(telling.look("vault", Seen(failures=11), 6.0 + WINDOW)) == ("log.sink.up", 0)


def test_one_that_fails_and_recovers_all_the_time_is_told_once_a_window_with_what_it_failed() -> None:
    telling = Telling()
    said = [
        told(telling.look("vault", failing(now, float(now)) if now % 2 else Seen(failures=now - 1), float(now)))
        for now in range(1, 2 * int(WINDOW) + 2)
    ]
    assert [each for each in said if each] == [
        ("log.sink.down", 1),
        ("log.sink.up", 0),
        ("log.sink.down", 600),
        ("log.sink.up", 0),
        ("log.sink.down", 600),
    ]


def test_one_that_takes_everything_late_is_behind_and_says_when_it_is_not_any_more() -> None:
    telling = Telling()
    assert telling.look("vault", Seen(behind=900, lag=LATE - 1), 0.0) is None
    late = telling.look("vault", Seen(behind=1_000, lag=LATE), 1.0)
    assert late is not None
    assert (late.action, late.outcome, late.details["behind"], late.details["lag"]) == (
        "log.sink.behind",
        "failure",
        1_000,
        LATE,
    )
    assert told(telling.look("vault", Seen(behind=1, lag=2.0), 2.0)) == ("log.sink.up", 0)


def test_sinks_are_told_of_each_for_itself_and_errors_are_cut() -> None:
    telling = Telling()
    assert telling.look("vault", failing(1, 0.0, "x" * 10_000), 0.0) is not None
    other = telling.look("far", failing(1, 0.0, "y" * 10_000), 0.0)
    assert other is not None
    assert other.details["error"] == "y" * MOST


@pytest.mark.parametrize("action", ["log.sink.down", "log.sink.behind", "log.sink.up"])
def test_the_vocabulary_has_the_words(action: str) -> None:
    assert action in BEHAVIOUR_OF


LOOKS = st.lists(
    st.tuples(
        st.floats(0.1, 400.0),
        st.integers(0, 3),
        st.booleans(),
        st.sampled_from([0.0, LATE, 2 * LATE]),
    ),
    max_size=200,
)


@given(LOOKS)
def test_nothing_is_told_twice_in_a_window_and_no_failure_is_counted_twice_or_forgotten(
    looks: list[tuple[float, int, bool, float]],
) -> None:
    telling, now, failures, events = Telling(), 0.0, 0, list[Event]()
    for passed, more, fails, lag in looks:
        now, failures = now + passed, failures + more
        seen = Seen(failures=failures, error="away", failing=now if fails else 0.0, lag=lag)
        events += [event] if (event := telling.look("vault", seen, now)) else []
    for action in {event.action for event in events}:
        times = [event.time for event in events if event.action == action]
        assert all(later - earlier >= WINDOW for earlier, later in pairwise(times))
    counted = sum(int(str(event.details["times"])) for event in events)
    last = telling.look("vault", Seen(failures=failures), now + WINDOW)
    assert counted + (int(str(last.details["times"])) if last else 0) == failures
