"""The shared store and the memory store answer alike, whatever is asked of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.guard.memory import MemoryStore
from stockade.guard.meter import MANUAL, MICROSECONDS, NETWORK, RESET, Ban, Group, Meter, Store, Window
from stockade.guard.shared import SharedStore

CLIENTS = st.sampled_from(["203.0.113.9", "198.51.100.1", "user:ann", "2001:db8::/64"])
NETWORKS = st.sampled_from([f"{NETWORK}203.0.113.0/24", f"{NETWORK}2001:db8::/32"])
RULES = st.sampled_from(["one", "two", "three"])
COSTS = st.sampled_from([1.0, 1.0, 1.0, 2.0, 0.0, RESET])


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    window = draw(st.sampled_from(Window))
    bans = window is Window.STRIKES
    times = draw(st.sampled_from([(10.0,), (10.0, 40.0), (5.0, 20.0, 80.0)])) if bans else ()
    return Meter(
        f"{draw(RULES)} {window.name}",
        window,
        draw(st.integers(1, 4)),
        draw(st.sampled_from([5.0, 20.0])) * MICROSECONDS,
        0.0 if bans else 1.0,
        draw(COSTS),
        2.0,
        tuple(t * MICROSECONDS for t in times),
        draw(st.booleans()),
    )


def bare(meter: Meter) -> Meter:
    """The meter of a client that may not be banned."""
    return meter._replace(bantimes=(), window=Window.SLIDING) if meter.bantimes else meter


def unlike(meters: list[Meter]) -> list[Meter]:
    return list({meter.rule: meter for meter in meters}.values())


GROUPS = st.builds(
    lambda found, exempt: Group([bare(m) if exempt else m for m in unlike(found)], exempt=exempt),
    st.lists(meters(), max_size=5),
    st.sampled_from([False, False, False, True]),
)
ASKS = st.lists(st.tuples(CLIENTS, GROUPS, st.just("GET /")), min_size=1, max_size=3, unique_by=lambda ask: ask[0])
STEPS = st.lists(
    st.tuples(
        st.floats(0.0, 15.0),
        st.one_of(
            st.tuples(st.just("count"), ASKS),
            st.tuples(st.just("count"), ASKS),
            st.tuples(st.just("ban"), CLIENTS | NETWORKS, st.floats(1.0, 30.0)),
            st.tuples(st.just("forget"), CLIENTS | NETWORKS),
        ),
    ),
    max_size=40,
)


def told(store: Store) -> tuple[list[Any], list[str]]:
    bans = sorted((b.client, b.rule, round(b.since, 3), round(b.until, 3), b.level, b.reason) for b in store.bans())
    return bans, sorted(store.networks())


def done(store: Store, step: tuple[Any, ...], now: float) -> object:
    if step[0] == "count":
        return [(by, until, tuple(readings)) for by, until, readings in store.count(step[1])]
    if step[0] == "ban":
        store.ban(Ban(step[1], MANUAL, now, now + step[2], "because"))
        return None
    return sorted((ban.client, ban.rule) for ban in store.forget(step[1]))


@given(STEPS)
@settings(deadline=None, max_examples=150)
def test_both_stores_answer_alike(steps: list[tuple[float, tuple[Any, ...]]]) -> None:
    now = [1_700_000_000.0]
    with tempfile.TemporaryDirectory() as directory:
        shared = SharedStore(Path(directory) / "counters", clients=64, clock=lambda: now[0])
        memory = MemoryStore(clock=lambda: now[0])
        for gap, step in steps:
            now[0] += gap
            assert done(shared, step, now[0]) == done(memory, step, now[0])
            assert told(shared) == told(memory)
