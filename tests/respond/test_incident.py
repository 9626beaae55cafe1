"""An incident is a name that entries share: opened, noted, decided, closed; and nothing but what the log tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.events import Entry, Event, Finding, Ref
from stockade.respond.incident import (
    LONGEST,
    Incident,
    Remark,
    bounded,
    incidents,
    new_name,
    opening,
    suspicion_of,
    widening,
)

NOW = 1_800_000_000.0
ALICE, BOB, ROOT = Ref("stockade", "user", "alice"), Ref("gitlab", "user", "bob"), Ref("unix", "user", "root")
NAME = "2027-01-15-alice"


def log(*events: Event) -> list[Entry]:
    return [Entry(number, event.time, event, "host/stockade") for number, event in enumerate(events)]


def said(action: str, **details: object) -> Event:
    return Event(NOW + 60, action, ROOT, ALICE, details={"incident": NAME, **details})


def told(*events: Event) -> Incident:
    return incidents(log(opening(NOW, ROOT, NAME, "A token was stolen", subjects=[ALICE]), *events))[NAME]


def test_it_is_opened_about_somebody_by_somebody() -> None:
    found = told()
    assert (found.title, found.subjects, found.opened, found.opened_by) == ("A token was stolen", (ALICE,), NOW, "root")
    assert (found.severity, found.closed, found.people, found.entry) == (
        "high",
        None,
        {"root": "opened it"},
        "host/stockade#0",
    )


def test_what_people_say_is_kept_by_kind_and_with_its_entry() -> None:
    found = told(
        said("incident.note", text="she is on holiday", kind="known"),
        said("incident.note", text="whether her laptop is clean", kind="unknown"),
        said("incident.decide", text="block her first"),
        said("incident.assign", person="carol", role="leads"),
    )
    assert [(note.text, note.entry) for note in found.said(Remark.KNOWN)] == [("she is on holiday", "host/stockade#1")]
    assert [note.text for note in found.said(Remark.UNKNOWN)] == ["whether her laptop is clean"]
    assert [(each.by, each.text) for each in found.decisions] == [("root", "block her first")]
    assert found.people == {"root": "opened it", "carol": "leads"}


def test_a_note_can_widen_it_by_subjects_and_findings() -> None:
    finding = Finding(NOW - 5, "stk.token.far", "A token from afar", "critical", BOB, (), techniques=("T1078",))
    seen = suspicion_of(Entry(41, NOW, finding.as_event(), "host/stockade"))
    assert seen is not None
    found = told(said("incident.note", text="bob too", **widening([BOB, ALICE], since=NOW - 900, findings=[seen])))
    assert (found.subjects, found.since) == ((ALICE, BOB), NOW - 900)
    assert [(each.rule, each.entry, each.techniques) for each in found.findings] == [
        ("stk.token.far", "host/stockade#41", ("T1078",))
    ]


def test_it_is_closed_with_its_outcome() -> None:
    found = told(said("incident.close", outcome="token revoked, nothing read"))
    assert (found.closed, found.outcome) == (NOW + 60, "token revoked, nothing read")


def test_every_entry_that_carries_its_name_is_one_of_its_own() -> None:
    found = told(said("plan.create", plan="abc"), said("step.start", plan="abc"))
    assert [entry.event.action for entry in found.entries] == ["incident.open", "plan.create", "step.start"]


def test_what_was_never_opened_is_no_incident() -> None:
    assert incidents(log(said("incident.note", text="hello"))) == {}


def test_it_is_opened_once() -> None:
    again = opening(NOW + 1, Ref("unix", "user", "mallory"), NAME, "Nothing to see", subjects=[BOB])
    found = told(again)
    assert (found.title, found.opened_by, found.subjects) == ("A token was stolen", "root", (ALICE,))


@given(
    st.lists(
        st.builds(
            Event,
            time=st.floats(0, 2e9),
            action=st.sampled_from(["incident.note", "incident.assign", "incident.close", "incident.decide", "x"]),
            details=st.dictionaries(
                st.sampled_from(["text", "kind", "person", "subjects", "findings", "since", "outcome", "severity"]),
                st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()), st.just([{}])),
            ),
        )
    )
)
def test_whatever_an_entry_says_the_log_can_still_be_told(events: list[Event]) -> None:
    named = [Event(each.time, each.action, None, None, details={**each.details, "incident": NAME}) for each in events]
    found = told(*named)
    assert len(found.entries) == len(events) + 1
    assert {ALICE} <= set(found.subjects)


def test_names_are_what_a_person_can_say_and_are_given_once() -> None:
    assert new_name(NOW, "Alice", []) == NAME
    assert new_name(NOW, "alice", [NAME, f"{NAME}-2"]) == f"{NAME}-3"
    assert new_name(NOW, "ä/../%00", []) == "2027-01-15-00"
    assert new_name(NOW, "", []) == "2027-01-15-incident"


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_new_name_can_always_open_an_incident(subject: str, taken: list[str]) -> None:
    name = new_name(NOW, subject, taken)
    assert opening(NOW, ROOT, name, "x", subjects=[]).details["incident"] == name
    assert name not in taken


@pytest.mark.parametrize("name", ["", "Alice", "a b", "../x", "x" * 81, "-x", "é"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name an incident"):
        opening(NOW, ROOT, name, "x", subjects=[])


def test_a_note_says_something_and_not_too_much() -> None:
    assert bounded("  ok \n") == "ok"
    with pytest.raises(ConfigurationError, match="nothing to write down"):
        bounded(" \n")
    with pytest.raises(ConfigurationError, match="at most"):
        bounded("x" * (LONGEST + 1))
