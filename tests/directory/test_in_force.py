"""Who was let in a moment ago is let in no more once what they showed is ended, changed, or another's who is out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stockade.directory import Authenticated, BuiltinDirectory, Credential, Scope, UnknownCredentials
from tests.directory.conftest import NOW, Stage

Act = Callable[[BuiltinDirectory], object]


@pytest.fixture
def alice(directory: BuiltinDirectory) -> Authenticated:
    """Alice, by her password."""
    directory.create_account("alice", password="correct horse")
    return directory.sign_in("alice", "correct horse", NOW)


@pytest.fixture
def board(directory: BuiltinDirectory) -> Credential:
    """An application of Bob's."""
    directory.create_account("bob")
    made, _ = directory.create_application("bob", "Board", "https://board.example/", [Scope.API])
    return made


def refused(directory: BuiltinDirectory, who: Authenticated) -> None:
    with pytest.raises(UnknownCredentials):
        directory.recheck(who.account.name, who.by.ref, who.by.made, NOW + 1)
    with pytest.raises(UnknownCredentials):
        directory.look_again(who, NOW + 1)


def let_in(directory: BuiltinDirectory, who: Authenticated) -> None:
    assert directory.recheck(who.account.name, who.by.ref, who.by.made, NOW + 1).name == who.account.name
    directory.look_again(who, NOW + 1)


@pytest.mark.parametrize(
    "change", [lambda d: d.set_password("alice", "battery staple"), lambda d: d.clear_password("alice")]
)
def test_a_password_that_was_changed_while_it_was_verified_opens_nothing(
    stage: Stage, alice: Authenticated, change: Act
) -> None:
    directory = stage.directory
    let_in(directory, alice)
    assert directory.open_session(alice.account, NOW, 3600, by=alice.by)
    with BuiltinDirectory(stage.url, clock=lambda: NOW + 0.5) as later:
        change(later)
    refused(directory, alice)
    with pytest.raises(UnknownCredentials):
        directory.open_session(alice.account, NOW, 3600, by=alice.by)
    assert directory.sessions("alice") == []


def test_a_session_that_is_over_is_no_reason_to_go_on(directory: BuiltinDirectory, alice: Authenticated) -> None:
    cookie = directory.open_session(alice.account, NOW, 3600)
    who = directory.authenticate_session(cookie, NOW)
    let_in(directory, who)
    directory.close_session(cookie)
    refused(directory, who)


ENDS: dict[str, tuple[Act, Act]] = {
    "the application is ended": (
        lambda d: d.revoke(next(d.held("application")).ref),
        lambda d: d.restore(next(d.held("application")).ref),
    ),
    "its owner is blocked": (lambda d: d.block("bob"), lambda d: d.unblock("bob")),
    "its owner has left": (lambda d: d.depart("bob"), lambda d: d.depart("bob", back=True)),
}


@pytest.mark.parametrize(("end", "back"), ENDS.values(), ids=ENDS)
def test_what_was_granted_to_an_application_is_shut_out_with_it(
    directory: BuiltinDirectory, alice: Authenticated, board: Credential, end: Act, back: Act
) -> None:
    grant, access, _ = directory.grant(board.ref, "alice", [Scope.API])
    who = directory.authenticate_token(access, NOW)
    let_in(directory, who)
    end(directory)
    refused(directory, who)
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(access, NOW)
    back(directory)
    let_in(directory, who)
    assert directory.authenticate_token(access, NOW).by.ref == grant.ref


def test_the_list_says_of_a_grant_what_the_door_thinks_of_it(
    directory: BuiltinDirectory, alice: Authenticated, board: Credential
) -> None:
    grant, _, _ = directory.grant(board.ref, "alice", [Scope.API])
    directory.revoke(board.ref)
    assert directory.credential(grant.ref).revoked == NOW
    directory.restore(board.ref)
    assert directory.credential(grant.ref).live(NOW)
