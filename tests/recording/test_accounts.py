"""No account changes unrecorded: what is said is on disk before it is done, whatever is killed in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event as sql_events

from stockade.audit.importance import BY_HAND, must
from stockade.directory import BuiltinDirectory, Level, NameTaken, Passwords, UnknownAccount, UnknownCredentials
from stockade.errors import Unavailable
from stockade.events import Event
from stockade.guard.gate import Guard
from tests.directory.conftest import emptied_postgres_url, migrated_postgres_url
from tests.servers.postgres import postgres

__all__ = ["emptied_postgres_url", "migrated_postgres_url", "postgres"]

Change = Callable[[BuiltinDirectory], object]
SCOPES = ["read_repository"]
CHANGES: dict[str, Change] = {
    "user.create": lambda directory: directory.create_account("bob", password="correct horse battery"),
    "user.block": lambda directory: directory.block("alice"),
    "user.unblock": lambda directory: directory.unblock("eve"),
    "password.change": lambda directory: directory.set_password("alice", "another horse battery"),
    "token.create": lambda directory: directory.issue_token("alice", "ci", SCOPES),  # type: ignore[arg-type]
    "token.revoke": lambda directory: directory.revoke_token(1),
    "project.create": lambda directory: directory.create_repository("demo/other"),
    "member.add": lambda directory: directory.add_member("eve", "demo/hello", Level.OWNER),
    "member.remove": lambda directory: directory.remove_member("alice", "demo/hello"),
    "session.end": lambda directory: directory.close_sessions(directory.account("alice")),
}


class Ear:
    """Hears what must be recorded, and does ``then`` at that moment."""

    def __init__(self) -> None:
        self.insisted: list[Event] = []
        self.heard: list[Event] = []
        self.then: Callable[[], None] = lambda: None

    def insist(self, event: Event) -> None:
        self.then()
        self.insisted.append(event)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/directory.db"
    found: str = request.getfixturevalue("emptied_postgres_url")
    return found


@pytest.fixture
def ear() -> Ear:
    return Ear()


def opened(url: str, ear: Ear) -> BuiltinDirectory:
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return BuiltinDirectory(url, record=ear.heard.append, insist=ear.insist, passwords=quick)


@pytest.fixture
def directory(url: str, ear: Ear) -> Iterator[BuiltinDirectory]:
    """Alice with a token, a session and a project; Eve, who is blocked."""
    made = opened(url, ear)
    made.migrate()
    alice = made.create_account("alice", password="correct horse battery")
    made.create_account("eve")
    made.block("eve")
    made.create_repository("demo/hello")
    made.add_member("alice", "demo/hello", Level.OWNER)
    made.issue_token("alice", "old", SCOPES)  # type: ignore[arg-type]
    made.open_session(alice, 1_800_000_000.0, 3600.0)
    ear.insisted.clear()
    ear.heard.clear()
    yield made
    made.close()


def contents(url: str) -> list[object]:
    """Everything there is to know."""
    with opened(url, Ear()) as directory:
        accounts = list(directory.accounts())
        of_each = [
            (list(directory.tokens(each.name)), directory.sessions(each.name), list(directory.memberships(each.name)))
            for each in accounts
        ]
        return [accounts, of_each, list(directory.repositories())]


@pytest.mark.parametrize("action", CHANGES)
def test_what_cannot_be_recorded_is_not_done(url: str, directory: BuiltinDirectory, ear: Ear, action: str) -> None:
    before = contents(url)

    def refuse() -> None:
        raise Unavailable("the disk is full")

    ear.then = refuse
    with pytest.raises(Unavailable, match="the disk is full"):
        CHANGES[action](directory)
    assert contents(url) == before
    (event,) = ear.heard
    assert (event.action, event.outcome, event.details["error"]) == (action, "failure", "the disk is full")


@pytest.mark.parametrize("action", CHANGES)
def test_it_is_recorded_before_anybody_sees_it(url: str, directory: BuiltinDirectory, ear: Ear, action: str) -> None:
    before, seen = contents(url), list[object]()
    ear.then = lambda: seen.extend(contents(url))
    CHANGES[action](directory)
    assert seen == before != contents(url)
    assert [(event.action, event.outcome) for event in ear.insisted] == [(action, "success")]
    assert must(action), "the table of importance says so too"


def test_signing_in_and_out_goes_on_whatever_the_log_can_do(directory: BuiltinDirectory, ear: Ear) -> None:
    def refuse() -> None:
        raise Unavailable("the disk is full")

    ear.then = refuse
    alice = directory.authenticate("alice", "correct horse battery", 1_800_000_000.0).account
    with pytest.raises(UnknownCredentials):
        directory.authenticate("alice", "wrong horse battery", 1_800_000_000.0)
    directory.close_session(directory.open_session(alice, 1_800_000_000.0, 3600.0))
    heard = [event.action for event in ear.heard]
    assert heard == ["authentication.success", "authentication.failure", "session.create", "session.end"]
    assert [action for action in heard if must(action) and action not in BY_HAND] == []


@pytest.mark.parametrize("action", CHANGES)
def test_who_is_killed_after_it_was_recorded_has_not_done_it(
    url: str, directory: BuiltinDirectory, ear: Ear, action: str
) -> None:
    before = contents(url)
    directory.close()
    child = os.fork()
    if child == 0:
        ear.then = lambda: os.kill(os.getpid(), signal.SIGKILL)
        CHANGES[action](opened(url, ear))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert contents(url) == before


def test_what_a_database_does_not_take_after_it_was_recorded_is_recorded_as_failed(
    directory: BuiltinDirectory, ear: Ear
) -> None:
    def fail(_connection: object) -> None:
        raise OSError("the disk of the database is full")

    engine = directory._database.engine
    sql_events.listen(engine, "commit", fail)
    with pytest.raises(OSError, match="disk of the database"):
        directory.block("alice")
    sql_events.remove(engine, "commit", fail)
    assert not directory.account("alice").blocked
    assert [event.outcome for event in ear.insisted] == ["success"]
    assert [(event.action, event.outcome) for event in ear.heard] == [("user.block", "failure")]
    assert ear.heard[0].details["error"] == "OSError"


def test_what_is_refused_anyway_is_not_recorded_as_done(directory: BuiltinDirectory, ear: Ear) -> None:
    with pytest.raises(NameTaken):
        directory.create_account("alice")
    with pytest.raises(UnknownAccount):
        directory.block("nobody")
    directory.unblock("alice")
    directory.remove_member("eve", "demo/hello")
    assert (ear.insisted, ear.heard) == ([], [])


def test_a_ban_by_hand_is_recorded_before_it_is_placed_or_not_placed(ear: Ear) -> None:
    guard = Guard(record=ear.heard.append, insist=ear.insist)
    seen = list[int]()
    ear.then = lambda: seen.append(len(guard.bans()))
    guard.ban("203.0.113.9", 60, "scraping", "alice")
    guard.unban("203.0.113.9", "alice")
    assert seen == [0, 1]
    assert [event.action for event in ear.insisted] == ["guard.ban", "guard.unban"]
    assert all(must(event.action) for event in ear.insisted)

    def refuse() -> None:
        raise Unavailable("the disk is full")

    ear.then = refuse
    with pytest.raises(Unavailable):
        guard.ban("203.0.113.9")
    assert guard.bans() == []
    assert [(event.action, event.outcome) for event in ear.heard] == [("guard.ban", "failure")]
