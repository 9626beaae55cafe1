"""What is written down about an event is read again as it was, and what is no entry is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit.record import body_of, line_of, parse, rfc3339
from stockade.errors import Tampered
from stockade.events import Event, Outcome, Ref

words = st.text(min_size=1, max_size=20)
plain = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=12)
refs = st.builds(Ref, plain, plain, words) | st.none()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["success", "failure", "refused", "unknown"])
events = st.builds(
    Event,
    time=st.floats(0, 4e9).map(lambda moment: round(moment, 6)),
    action=words,
    actor=refs,
    target=refs,
    source=st.none() | words,
    outcome=outcomes,
    details=st.dictionaries(st.text(max_size=9), values, max_size=4),
)


@given(events, st.integers(0, 1 << 60))
def test_an_event_is_read_again_as_it_was(event: Event, index: int) -> None:
    line = line_of(index, rfc3339(1_800_000_000.25), body_of(event))
    entry = parse(line)
    assert line.isascii()
    assert b"\n" not in line
    assert (entry.index, entry.recorded) == (index, 1_800_000_000.25)
    assert entry.event.time == pytest.approx(event.time, abs=2e-6)
    named = ("action", "actor", "target", "source", "outcome", "details")
    assert [getattr(entry.event, name) for name in named] == [getattr(event, name) for name in named]


def test_the_line_is_what_the_documentation_shows() -> None:
    event = Event(1_800_000_000.5, "token.revoke", Ref("stockade", "user", "alice"), source="203.0.113.9")
    assert line_of(7, rfc3339(1_800_000_001), body_of(event)) == (
        b'{"seq":7,"recorded":"2027-01-15T08:00:01.000000Z","time":"2027-01-15T08:00:00.500000Z","action":"token.revoke",'
        b'"actor":"stockade:user/alice","source":"203.0.113.9","outcome":"success"}'
    )


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"7", b'{"seq":1}', b"\xff", b"[" * 100_000, b'{"seq":"x","recorded":1,"time":2,"action":"a"}'],
)
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(Tampered, match="not an entry"):
        parse(line)
