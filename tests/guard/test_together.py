"""The meters of a client counted in one loop, with its short way, count as each does on its own."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from stockade.guard.arithmetic import CELLS, bind, together
from stockade.guard.meter import MICROSECONDS, RESET, Meter, Window

METERS = st.builds(
    lambda window, limit, period, need, cost: Meter(
        "r",
        window,
        limit,
        period * MICROSECONDS,
        0.0 if window is Window.STRIKES else need,
        cost,
        2.0,
        (20.0 * MICROSECONDS, 50.0 * MICROSECONDS) if window is Window.STRIKES else (),
    ),
    st.sampled_from(Window),
    st.just(0.0) | st.floats(0.1, 6.0),
    st.floats(1.0, 30.0),
    st.sampled_from([1.0, 1.0, 2.0, 0.0]),
    st.sampled_from([1.0, 1.0, 2.0, 0.0, RESET]),
)
GAPS = st.lists(st.floats(-70.0, 70.0) | st.floats(0.0, 3.0), max_size=40)


@given(st.lists(METERS, min_size=1, max_size=5), GAPS)
def test_together_as_each_alone(meters: list[Meter], gaps: list[float]) -> None:
    places = [(meter, 4 + 2 * CELLS * number) for number, meter in enumerate(meters)]
    ours, theirs = (array("d", bytes(8 * (7 + 2 * CELLS * len(meters)))) for _ in "ab")
    count, each, now = together(places), [bind(meter, at) for meter, at in places], 1.7e9 * MICROSECONDS
    for gap in gaps:
        now += gap * MICROSECONDS
        assert count(ours, 3, now) == [alone(theirs, 3, now) for alone in each]
        assert ours == theirs
