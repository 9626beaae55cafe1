"""A session lasts until its time is up, its owner leaves, or its account is blocked or gets another password."""

from __future__ import annotations

import pytest

from stockade.directory import Account, BuiltinDirectory, UnknownCredentials
from stockade.directory.builtin.sessions import MOST_SESSIONS
from tests.directory.conftest import NOW, Stage


@pytest.fixture
def alice(directory: BuiltinDirectory) -> Account:
    return directory.create_account("alice", password="correct horse")


def test_a_cookie_says_whose_session_it_is(directory: BuiltinDirectory, alice: Account) -> None:
    cookie = directory.open_session(alice, NOW, 3600, source="192.0.2.1")
    assert directory.session(cookie, NOW + 3599) == alice
    (session,) = directory.sessions("alice")
    assert (session.expires, session.last_address) == (NOW + 3600, "192.0.2.1")


def test_a_session_ends_by_itself(directory: BuiltinDirectory, alice: Account) -> None:
    cookie = directory.open_session(alice, NOW, 3600)
    with pytest.raises(UnknownCredentials):
        directory.session(cookie, NOW + 3600)


@pytest.mark.parametrize("cookie", ["", "x", "x" * 100_000, "\0", "\ud800"])
def test_a_made_up_cookie_is_nobodys(directory: BuiltinDirectory, cookie: str) -> None:
    with pytest.raises(UnknownCredentials):
        directory.session(cookie, NOW)


def test_signing_out_ends_one_session(stage: Stage, alice: Account) -> None:
    kept, left = (stage.directory.open_session(alice, NOW, 3600) for _ in range(2))
    stage.directory.close_session(left)
    stage.directory.close_session(left)
    assert stage.directory.session(kept, NOW) == alice
    with pytest.raises(UnknownCredentials):
        stage.directory.session(left, NOW)
    assert len(stage.reported("session.end")) == 1


def test_all_sessions_can_be_ended_at_once(stage: Stage, alice: Account) -> None:
    bob = stage.directory.create_account("bob")
    others = stage.directory.open_session(bob, NOW, 3600)
    cookies = [stage.directory.open_session(alice, NOW, 3600) for _ in range(3)]
    assert stage.directory.close_sessions(alice) == 3
    assert stage.directory.close_sessions(alice) == 0
    for cookie in cookies:
        with pytest.raises(UnknownCredentials):
            stage.directory.session(cookie, NOW)
    assert stage.directory.session(others, NOW) == bob
    assert [event.details["count"] for event in stage.reported("session.end")] == [3]


def test_another_password_ends_every_session(directory: BuiltinDirectory, alice: Account) -> None:
    cookie = directory.open_session(alice, NOW, 3600)
    directory.set_password("alice", "another horse")
    with pytest.raises(UnknownCredentials):
        directory.session(cookie, NOW)


def test_one_account_has_only_so_many_sessions_and_the_oldest_go(directory: BuiltinDirectory, alice: Account) -> None:
    first, *_, last = [directory.open_session(alice, NOW, 3600) for _ in range(MOST_SESSIONS + 1)]
    assert len(directory.sessions("alice")) == MOST_SESSIONS
    assert directory.session(last, NOW) == alice
    with pytest.raises(UnknownCredentials):
        directory.session(first, NOW)


def test_sessions_that_are_over_are_swept(directory: BuiltinDirectory, alice: Account) -> None:
    directory.open_session(alice, NOW, 10)
    directory.open_session(alice, NOW + 20, 10)
    assert [session.made for session in directory.sessions("alice")] == [NOW + 20]


def test_the_use_of_a_session_is_noted_but_not_at_every_request(directory: BuiltinDirectory, alice: Account) -> None:
    cookie = directory.open_session(alice, NOW, 3600, source="192.0.2.1")
    for seconds, expected in [(59, NOW), (60, NOW + 60)]:
        directory.session(cookie, NOW + seconds, source="192.0.2.1")
        assert directory.sessions("alice")[0].last_used == expected
    found = directory.authenticate_session(cookie, NOW + 61, source="192.0.2.2")
    assert found.by.kind == "session"
    assert directory.sessions("alice")[0].last_address == "192.0.2.2"
