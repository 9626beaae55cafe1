"""A clone asks who it is many times, and that is one sign-in, with a count."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stockade.app.repeats import MOST, WINDOW, Repeats
from stockade.events import Event, Ref
from tests.cli.conftest import terminal
from tests.cli.test_serve import served
from tests.recording.test_serving import Log, log

__all__ = ["log", "terminal"]
ALICE, BOB = Ref("stockade", "user", "alice"), Ref("stockade", "user", "bob")
HOME, CAFE = "192.0.2.1", "203.0.113.9"


def signed_in(time: float, who: Ref = ALICE, source: str = HOME, credential: str = "stockade:token/1") -> Event:
    details = {"kind": "personal_access_token", "credential": credential}
    return Event(time, "authentication.success", who, who, source, details=details)


def failed(time: float, who: Ref | None = ALICE, source: str = HOME) -> Event:
    return Event(time, "authentication.failure", None, who, source, "failure", {"reason": "no such token"})


def told(*events: Event, ending: float = 1_000.0) -> list[Event]:
    heard: list[Event] = []
    repeats = Repeats(heard.append)
    for event in events:
        repeats(event)
    repeats.flush(ending)
    return heard


def test_what_comes_again_is_counted_and_told_with_when_it_began_and_ended() -> None:
    first, *_, last = events = [signed_in(float(now)) for now in range(5)]
    again = Event(
        last.time, first.action, ALICE, ALICE, HOME, details={**first.details, "repeated": 4, "since": first.time}
    )
    assert told(*events) == [first, again]


def test_another_account_client_or_credential_and_another_window_are_told_at_once() -> None:
    events = [
        signed_in(0),
        signed_in(1, BOB),
        signed_in(2, source=CAFE),
        signed_in(3, credential="stockade:token/2"),
        signed_in(WINDOW),
    ]
    assert told(*events) == events


def test_a_failure_in_between_makes_the_next_one_news() -> None:
    for failure in (failed(2, ALICE, CAFE), failed(2, None, HOME)):
        events = [signed_in(0), failure, signed_in(3)]
        assert told(*events) == events
    elsewhere = [signed_in(0), failed(2, BOB, CAFE), signed_in(3)]
    assert told(*elsewhere)[:2] == elsewhere[:2]
    assert told(*elsewhere)[2].details["repeated"] == 1


def test_a_count_stands_before_the_failure_that_ended_it() -> None:
    said = told(signed_in(0), signed_in(1), failed(2), signed_in(3))
    assert [(event.action, event.time, event.details.get("repeated")) for event in said] == [
        ("authentication.success", 0, None),
        ("authentication.success", 1, 1),
        ("authentication.failure", 2, None),
        ("authentication.success", 3, None),
    ]


def test_anything_else_passes_as_it_is() -> None:
    events = [Event(1.0, "session.create", ALICE, ALICE, HOME)] * 3
    assert told(*events) == events


def test_what_is_due_is_told_and_what_is_not_waits() -> None:
    heard: list[Event] = []
    repeats = Repeats(heard.append)
    for now in (0.0, 1.0, 30.0):
        repeats(signed_in(now, ALICE if now < 2 else BOB))
    repeats(signed_in(31.0, BOB))
    repeats.flush(61.0, older=60.0)
    assert [(event.actor, event.details.get("repeated")) for event in heard] == [(ALICE, None), (BOB, None), (ALICE, 1)]


def test_what_is_remembered_is_bounded_and_nothing_counted_is_lost() -> None:
    events = [signed_in(1.0, source=str(number)) for number in range(3 * MOST)]
    said = told(*[each for event in events for each in (event, event)])
    assert sum(int(str(event.details.get("repeated", 1))) for event in said) == 2 * len(events)


STORY = st.lists(
    st.tuples(st.floats(0.0, 40.0), st.sampled_from([ALICE, BOB]), st.sampled_from([HOME, CAFE]), st.booleans()),
    max_size=60,
)


@given(STORY)
def test_every_sign_in_is_told_or_counted_and_every_failure_told(
    story: list[tuple[float, Ref, str, bool]],
) -> None:
    now, events = 0.0, list[Event]()
    for passed, who, source, fails in story:
        now += passed
        events.append(failed(now, who, source) if fails else signed_in(now, who, source))
    said = told(*events, ending=now)
    happened = Counter((event.action, event.actor, event.source) for event in events)
    counted = Counter[tuple[str, Ref | None, str | None]]()
    for event in said:
        counted[event.action, event.actor, event.source] += int(str(event.details.get("repeated", 1)))
    assert counted == happened
    times = [event.time for event in said if "repeated" not in event.details]
    assert times == sorted(times)


def test_a_clone_with_a_token_is_one_sign_in_and_its_count(log: Log) -> None:
    with served(log.terminal, "--workers", "1") as forge:
        made = log.terminal.run("token", "issue", "alice", "ci", "--scope", "read_repository")
        token = next(word for word in made.out.split() if word.startswith("stk_"))
        for place in ("one", "two"):
            assert forge.clone(token, place).returncode == 0
    said = [entry.event for entry in log.entries("authentication.success")]
    assert [event.source for event in said] == ["127.0.0.1"] * 2
    assert "repeated" not in said[0].details
    assert said[0].details["credential"] == said[1].details["credential"]
    assert int(str(said[1].details["repeated"])) >= 3, "each clone asks twice at least"
    assert [target for _, target, _ in log.said("repository.read")] == ["stockade:project/demo/hello"] * 2
