"""What is missing is counted as a plain set counts it, in whatever order the numbers come and how often."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from stockade.review.numbers import Numbers


@given(st.lists(st.integers(0, 40)), st.integers(0, 20))
@example([5, 6, 6, 8], 5)
def test_missing_is_what_a_set_does_not_hold(seen: list[int], first: int) -> None:
    numbers = Numbers(first)
    for number in seen:
        numbers.take(number)
    assert numbers.missing == len(set(range(first, max(seen, default=-1) + 1)) - set(seen))
