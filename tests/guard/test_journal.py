"""What is worth reading is written once, and a flood cannot write the log full."""

from __future__ import annotations

import pytest

from stockade.events import Event
from stockade.guard.decision import Decision, Note
from stockade.guard.journal import MAX_OPEN, Journal
from tests.guard.requests import request


def decision(*notes: Note, path: str = "/") -> Decision:
    found = Decision(request(path, query="private_token=s3cret"))
    found.notes = notes
    return found


@pytest.fixture
def events() -> list[Event]:
    return []


def refused(client: str = "1.2.3.4", rule: str = "t") -> Note:
    return Note("throttle", rule, client, used=11.0, limit=10.0, wait=3.0)


def test_one_rule_and_client_are_told_once_a_minute(events: list[Event]) -> None:
    journal = Journal(events.append)
    for second in range(50):
        journal.write(decision(refused()), 1000.0 + second)
    assert len(events) == 1
    journal.write(decision(refused()), 1061.0)
    assert [e.details.get("repeated") for e in events] == [None, 49, None]
    assert journal.totals["throttle", "t", False] == 51


def test_other_clients_and_rules_are_told_apart(events: list[Event]) -> None:
    journal = Journal(events.append)
    for client in ("1.1.1.1", "2.2.2.2"):
        for rule in ("a", "b"):
            journal.write(decision(refused(client, rule)), 1000.0)
    assert len(events) == 4


def test_a_ban_is_told_every_time(events: list[Event]) -> None:
    journal = Journal(events.append)
    for _ in range(3):
        journal.write(decision(Note("ban", "f", "1.2.3.4", level=1)), 1000.0)
    assert [e.action for e in events] == ["guard.ban"] * 3


def test_what_was_held_back_is_written_when_the_minute_is_over(events: list[Event]) -> None:
    journal = Journal(events.append)
    for _ in range(5):
        journal.write(decision(refused()), 1000.0)
    journal.flush(1030.0, older=60.0)
    assert len(events) == 1
    journal.flush(1060.0, older=60.0)
    assert events[1].details["repeated"] == 4
    assert events[1].details["since"] == 1000.0
    journal.flush(1120.0)
    assert len(events) == 2


def test_a_flood_of_clients_is_bounded(events: list[Event]) -> None:
    journal = Journal(events.append)
    for number in range(2 * MAX_OPEN + 10):
        journal.write(decision(refused(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")), 1000.0)
    assert len(journal._open) <= MAX_OPEN


def test_no_query_is_ever_written(events: list[Event]) -> None:
    Journal(events.append).write(decision(refused(), path="/api"), 1000.0)
    assert "s3cret" not in repr(events)
    assert events[0].details["path"] == "/api"


def test_without_a_log_everything_is_still_counted() -> None:
    journal = Journal()
    journal.write(decision(refused()), 1000.0)
    assert journal.totals["throttle", "t", False] == 1
