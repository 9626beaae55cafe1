"""Correlations find what somebody finds who looks through all matches with a ruler, and remember no more."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.detect.windows import Correlation, Way, Windows
from stockade.events import Entry
from tests.detect.entries import entries, event

RULES = ("a", "b", "c")
SPAN = 10.0


@dataclass(frozen=True)
class Given:
    """A match: of which group and rule, when, and with which value."""

    group: str
    rule: str
    moment: float
    value: str
    entry: Entry


@st.composite
def streams(draw: st.DrawFn) -> list[Given]:
    """Matches as they come; time goes forward, or stands still."""
    steps = draw(
        st.lists(st.tuples(st.sampled_from("gh"), st.sampled_from(RULES), st.integers(0, 6), st.sampled_from("xyz")))
    )
    moment, made = 0.0, list[Given]()
    for number, (group, name, pause, value) in enumerate(steps):
        moment += pause
        made.append(Given(group, name, moment, value, Entry(number, moment, event("message"))))
    return made


def naive(way: Way, count: int, stream: list[Given]) -> list[list[int]]:
    """The numbers of the entries of each firing, found by looking at everything since the last firing of the group."""
    fired, since = list[list[int]](), dict[str, int]()
    for at, now in enumerate(stream):
        seen = [
            each
            for each in stream[since.get(now.group, 0) : at + 1]
            if each.group == now.group and each.moment >= now.moment - SPAN
        ]
        shown = looked_at(way, count, seen)
        if shown:
            fired.append([each.entry.index for each in shown])
            since[now.group] = at + 1
    return fired


def looked_at(way: Way, count: int, seen: list[Given]) -> list[Given]:
    match way:
        case "event_count":
            return seen if len(seen) >= count else []
        case "value_count":
            latest = list({each.value: each for each in seen}.values())
            return sorted(latest, key=lambda each: each.entry.index) if len(latest) >= count else []
        case "temporal":
            latest = list({each.rule: each for each in seen}.values())
            return sorted(latest, key=lambda each: each.entry.index) if len(latest) >= len(RULES) else []
    chain, wanted = list[Given](), list(RULES)
    for each in seen:
        if wanted and each.rule == wanted[0]:
            chain.append(each)
            wanted.pop(0)
    return [] if wanted else chain


def correlation(way: Way, count: int) -> Correlation:
    needed = len(RULES) if way.startswith("temporal") else count
    return Correlation(way, RULES, SPAN, ("group",), enough=lambda found: found >= needed)


@pytest.mark.parametrize("way", ["event_count", "value_count", "temporal", "temporal_ordered"])
@settings(deadline=None)
@given(stream=streams(), count=st.integers(1, 4))
def test_a_stream_fires_where_a_ruler_says(way: Way, stream: list[Given], count: int) -> None:
    windows = Windows(correlation(way, count))
    fired = [windows.feed((each.group,), each.moment, each.rule, (each.entry,), each.value) for each in stream]
    found = [[entry.index for entry in shown] for shown in fired if shown is not None]
    assert found == naive(way, count, stream)
    assert windows.forgotten == windows.late == 0


@settings(deadline=None)
@given(moments=st.lists(st.integers(0, 10), min_size=3, max_size=3))
def test_what_comes_a_little_late_is_put_where_it_belongs(moments: list[int]) -> None:
    windows = Windows(correlation("temporal_ordered", 3))
    fired = [
        windows.feed(("g",), float(moment), name, (Entry(number, float(moment), event("message")),))
        for number, (name, moment) in enumerate(zip(("c", "a", "b"), moments, strict=True))
    ]
    c, a, b = moments
    assert any(fired) is (a <= b < c)


def test_what_comes_too_late_for_its_window_is_counted() -> None:
    windows = Windows(correlation("event_count", 2))
    entry = entries([event("message")])
    windows.feed(("g",), 100.0, "a", tuple(entry))
    assert windows.feed(("g",), 80.0, "a", tuple(entry)) is None
    assert windows.late == 1


def test_groups_are_let_go_of_when_their_time_is_over_and_when_there_is_no_room() -> None:
    windows, entry = Windows(correlation("event_count", 2), most_groups=5), tuple(entries([event("message")]))
    for number in range(5):
        windows.feed((str(number),), 0.0, "a", entry)
    assert (len(windows), windows.forgotten) == (5, 0)
    windows.feed(("another",), 1.0, "a", entry)
    assert (len(windows), windows.forgotten) == (5, 1)
    windows.feed(("much later",), 100.0, "a", entry)
    assert (len(windows), windows.forgotten) == (1, 1)


def test_a_window_holds_a_thousand_matches() -> None:
    windows = Windows(correlation("event_count", 5_000))
    for number, entry in enumerate(entries([event("message")] * 1_200)):
        windows.feed(("g",), number / 1_000, "a", (entry,))
    assert windows.forgotten == 200
