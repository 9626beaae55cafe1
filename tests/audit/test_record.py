"""What is written down about an event is read again as it was, and what is no entry is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockade.audit.reading import entries
from stockade.audit.record import MAX_LINE, body_of, line_of, parse, rfc3339
from stockade.errors import Tampered
from stockade.events import Entry, Event, Outcome, Ref
from tests.audit.conftest import Stage

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
    parts = ("action", "actor", "target", "source", "outcome", "details")
    assert [getattr(entry.event, part) for part in parts] == [getattr(event, part) for part in parts]


hostile = st.text(
    alphabet=st.sampled_from([*':/\n\0%\\"a', "\ud83d", "\ude00", "\x1b", "é"]) | st.characters(codec=None), max_size=9
)


def read_again(event: Event) -> Entry:
    line = line_of(0, rfc3339(1_800_000_000.25), body_of(event))
    assert line.isascii()
    assert b"\n" not in line
    return parse(line)


def joined(text: str) -> str:
    """Both halves of a surrogate pair side by side are one character, in JSON as in UTF-16."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def named(event: Event, which: str) -> tuple[str, str, str]:
    """The parts of a reference, wherever they are."""
    ref: Ref | None = getattr(event, which)
    if ref is not None:
        return ref.system, ref.kind, ref.id
    parts = event.details["unreadable"][which]  # type: ignore[index]
    return parts["system"], parts["kind"], parts["id"]


@given(hostile, hostile, hostile)
@example("", "", "")
@example("a:b", "user", "alice")
@example("gitlab", "user/x", "alice")
def test_whatever_a_reference_holds_is_read_again(system: str, kind: str, identity: str) -> None:
    bad, good = Ref(system, kind, identity), Ref("gitlab", "user", identity + "x:/")
    found = read_again(Event(1.0, "token.create", bad, good, details={"n": 1})).event
    assert named(found, "actor") == (joined(system), joined(kind), joined(identity))
    assert found.target == Ref("gitlab", "user", joined(identity + "x:/"))
    assert found.details["n"] == 1
    assert read_again(found).event == found, "also when a recorder hands it on"


@pytest.mark.parametrize(
    "ref", [Ref("s" * MAX_LINE, "k", "i"), Ref("s", "k" * MAX_LINE, "i"), Ref("s", "k", "i" * MAX_LINE)]
)
def test_a_reference_that_is_too_long_is_no_line_that_cannot_be_read(ref: Ref) -> None:
    entry = read_again(Event(1.0, "token.create", ref))
    assert "oversize" in entry.event.details


def test_a_log_keeps_what_has_no_name(stage: Stage) -> None:
    nameless = Event(1.0, "authentication.failure", None, Ref("gitlab", "user", ""), "203.0.113.9", "failure")
    with stage.open() as log:
        log.offer(nameless)
        log.append(nameless)
    held = [entry.event for entry in entries(stage.path, 0) if entry.event.action == nameless.action]
    assert [named(event, "target") for event in held] == [("gitlab", "user", "")] * 2
    stage.verify()


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
