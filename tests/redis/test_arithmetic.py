"""The script counts as Python does: whatever is asked, at whatever time, both say the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockade.guard.memory import MemoryStore
from stockade.guard.meter import MICROSECONDS, RESET, Group, Meter, Window
from stockade.guard.redis import RedisStore
from tests.contract.stores import PATIENT, now
from tests.servers.redis import RedisServer

T = now()
LIMITS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 7.0, 100.0, 2.5])
PERIODS = st.sampled_from([1.0, 2.5, 10.0, 60.0, 86_400.0])
AMOUNTS = st.sampled_from([0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.3, 5.0])
BANTIMES = st.sampled_from([(5.0,), (1.0, 20.0), (600.0, 60.0, 7200.0)])
STEPS = st.one_of(
    st.floats(-3.0, 3.0),
    st.floats(0.0, 200.0),
    st.sampled_from([0.0, 1.0, 10.0, 60.0, -1.0, -60.0, -4_000.0, 90_000.0, 0.000001]),
)


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    """Any meter, and what does not change of it: a rule keeps its window and its limits."""
    window = draw(st.sampled_from(Window))
    period = draw(PERIODS) * MICROSECONDS
    burst = draw(st.sampled_from([1.0, 3.0, 50.0]))
    bantimes = tuple(each * MICROSECONDS for each in draw(BANTIMES)) if window is Window.STRIKES else ()
    return Meter("", window, draw(LIMITS), period, 1.0, 1.0, burst, bantimes, draw(st.booleans()))


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[float, Group]]:
    """Some rules, and what is asked of them when."""
    rules = [
        meter._replace(rule=f"rule {number}")
        for number, meter in enumerate(draw(st.lists(meters(), min_size=1, max_size=4)))
    ]
    story, at = [], T
    for _ in range(draw(st.integers(1, 25))):
        at += draw(STEPS) * MICROSECONDS
        chosen = [rule for rule in rules if draw(st.integers(0, 3))]
        asked = [
            rule._replace(
                need=0.0 if rule.window is Window.STRIKES else draw(AMOUNTS), cost=draw(AMOUNTS | st.just(RESET))
            )
            for rule in chosen
        ]
        story.append((at, Group(asked)))
    return story


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    with RedisStore(redis_server.unix_url, deadline=PATIENT) as opened:
        yield opened


CLIENTS = count()


@given(story=stories())
@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_redis_and_python_agree_on_every_reading(store: RedisStore, story: list[tuple[float, Group]]) -> None:
    memory, client = MemoryStore(), f"client {next(CLIENTS)}"
    for at, group in story:
        ask = (client, group, "")
        assert store.count([ask], at) == memory.count([ask], at)
