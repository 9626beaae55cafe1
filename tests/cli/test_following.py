"""A running guard follows its file: whole changes only, never a wrong one, and what it cannot change it says."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stockade.app.following import Follower
from stockade.config import guard_of, load
from stockade.events import Event
from stockade.guard.memory import MemoryStore
from stockade.guard.request import Request

RULE = '[[throttle]]\nname = "{}"\nlimit = 1\nperiod = 60\n'


class Followed:
    """A file, and a guard that follows it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.write(RULE.format("first"))
        settings = load(file)
        self.events: list[Event] = []
        self.guard = guard_of(settings, self.events.append, store=MemoryStore())
        self.follower = Follower(settings, self.guard, self.events.append)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    @property
    def rules(self) -> list[str]:
        return [rule.name for rule in self.guard.policy.rules]

    def looks(self, times: int = 2) -> list[bool]:
        return [self.follower.look() for _ in range(times)]

    def passes(self) -> bool:
        request = Request(self.guard.client("203.0.113.9"), "GET", "/", lambda _name: None)
        return self.guard.decide(request).allowed


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "stockade.toml")


def test_a_change_is_taken_once_the_file_rests(followed: Followed) -> None:
    assert followed.looks() == [False, False]
    followed.write("")
    assert followed.looks(1) == [False]
    followed.write(RULE.format("second, which is longer"))
    assert followed.looks(3) == [False, True, False]
    assert followed.rules == ["second, which is longer"]
    assert [event.action for event in followed.events] == ["configuration.change"]


def test_counters_stay(followed: Followed) -> None:
    assert followed.passes()
    assert not followed.passes()
    followed.write(RULE.format("first") + "\n")
    assert followed.looks() == [False, True]
    assert not followed.passes()


def test_a_file_that_is_replaced_is_followed(followed: Followed) -> None:
    other = followed.file.with_name("other")
    other.write_text(RULE.format("other"))
    other.replace(followed.file)
    assert followed.looks() == [False, True]


@pytest.mark.parametrize("text", ["limit = ", 'lisetn = "x"', RULE.format("a") + RULE.format("a")])
def test_a_wrong_file_leaves_the_former_rules_and_says_so_loudly_once(
    followed: Followed, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    followed.write(text)
    with caplog.at_level(logging.ERROR):
        assert followed.looks(4) == [False] * 4
    assert followed.rules == ["first"]
    assert [(event.action, event.outcome) for event in followed.events] == [("configuration.refused", "failure")]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    followed.write(RULE.format("mended"))
    assert followed.looks() == [False, True]


def test_a_file_that_is_taken_away_leaves_the_former_rules(followed: Followed) -> None:
    followed.file.unlink()
    followed.looks(3)
    assert followed.rules == ["first"]
    assert [event.action for event in followed.events] == ["configuration.refused"]


def test_what_holds_after_a_restart_only_is_said(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    followed.write('listen = "127.0.0.1:1"\nworkers = 3\n' + RULE.format("first"))
    with caplog.at_level(logging.WARNING):
        followed.looks()
    assert followed.events[0].details["after_restart"] == ["listen", "workers"]
    assert followed.events[0].details["settings"] == ("listen", "workers")
    assert "listen, workers" in caplog.text
