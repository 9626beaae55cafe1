"""A forgotten password is reset by a code that works once, for an hour, for one account."""

from __future__ import annotations

import pytest

from stockade.directory import (
    Account,
    AccountBlocked,
    BuiltinDirectory,
    UnknownAccount,
    UnknownCredentials,
    WeakPassword,
)
from tests.directory.conftest import NOW, Stage

NEW = "another horse"


@pytest.fixture
def alice(directory: BuiltinDirectory) -> Account:
    return directory.create_account("alice", password="correct horse", email="Alice@example.org")


def code(directory: BuiltinDirectory, who: str = "alice", now: float = NOW) -> str:
    answer = directory.request_reset(who, now)
    assert answer is not None
    return answer[1]


@pytest.mark.parametrize("who", ["alice", "ALICE", "alice@example.org", "ALICE@EXAMPLE.ORG"])
def test_a_code_sets_a_new_password_and_ends_every_session(
    directory: BuiltinDirectory, alice: Account, who: str
) -> None:
    cookie = directory.open_session(alice, NOW, 3600)
    assert directory.reset_password(code(directory, who), NEW, NOW) == alice
    assert directory.authenticate("alice", NEW, NOW).account == alice
    with pytest.raises(UnknownCredentials):
        directory.authenticate("alice", "correct horse", NOW)
    with pytest.raises(UnknownCredentials):
        directory.session(cookie, NOW)


def test_the_code_goes_to_the_address_on_record_not_to_the_one_typed_in(
    directory: BuiltinDirectory, alice: Account
) -> None:
    answer = directory.request_reset("ＡＬＩＣＥ@example.org", NOW)
    assert answer is not None
    assert answer[0].email == "Alice@example.org"


def test_a_further_address_gets_a_code_once_it_is_confirmed_and_until_it_is_removed(
    directory: BuiltinDirectory, alice: Account
) -> None:
    added = directory.add_email("alice", "Alice@example.net")
    assert directory.request_reset("alice@example.net", NOW) is None
    directory.confirm_email(added.ref)
    found = directory.request_reset("ALICE@example.net", NOW)
    assert found is not None
    assert (found[0].name, found[0].email) == ("alice", "Alice@example.net")
    assert directory.reset_password(found[1], NEW, NOW) == alice
    directory.revoke(added.ref)
    assert directory.request_reset("alice@example.net", NOW) is None


def test_a_code_works_once(directory: BuiltinDirectory, alice: Account) -> None:
    once = code(directory)
    directory.reset_password(once, NEW, NOW)
    with pytest.raises(UnknownCredentials):
        directory.reset_password(once, "third horse", NOW)


def test_a_code_works_for_an_hour(directory: BuiltinDirectory, alice: Account) -> None:
    with pytest.raises(UnknownCredentials):
        directory.reset_password(code(directory), NEW, NOW + 3600)
    directory.reset_password(code(directory), NEW, NOW + 3599)


def test_only_the_newest_code_works(directory: BuiltinDirectory, alice: Account) -> None:
    first, second = code(directory), code(directory)
    with pytest.raises(UnknownCredentials):
        directory.reset_password(first, NEW, NOW)
    directory.reset_password(second, NEW, NOW)


def test_a_password_changed_otherwise_ends_the_code(directory: BuiltinDirectory, alice: Account) -> None:
    unused = code(directory)
    directory.set_password("alice", NEW)
    with pytest.raises(UnknownCredentials):
        directory.reset_password(unused, "third horse", NOW)


def test_a_weak_password_does_not_use_up_the_code(directory: BuiltinDirectory, alice: Account) -> None:
    good = code(directory)
    with pytest.raises(WeakPassword):
        directory.reset_password(good, "short", NOW)
    directory.reset_password(good, NEW, NOW)


@pytest.mark.parametrize("who", ["nobody", "nobody@example.org", "", "@", "a b@c", "\0", "x" * 100_000])
def test_nobody_gets_no_code(stage: Stage, alice: Account, who: str) -> None:
    assert stage.directory.request_reset(who, NOW) is None
    (event,) = stage.reported("password.reset.request")
    assert (event.outcome, event.target) == ("refused", None)


def test_a_blocked_account_gets_no_code_and_may_not_use_one(directory: BuiltinDirectory, alice: Account) -> None:
    early = code(directory)
    directory.block("alice")
    assert directory.request_reset("alice", NOW) is None
    with pytest.raises(AccountBlocked):
        directory.reset_password(early, NEW, NOW)


@pytest.mark.parametrize("made_up", ["", "x", "x" * 100_000, "\0", "\ud800"])
def test_a_made_up_code_does_nothing(directory: BuiltinDirectory, alice: Account, made_up: str) -> None:
    code(directory)
    with pytest.raises(UnknownCredentials):
        directory.reset_password(made_up, NEW, NOW)


def test_the_password_of_nobody_cannot_be_set(directory: BuiltinDirectory) -> None:
    with pytest.raises(UnknownAccount):
        directory.set_password("nobody", NEW)


def test_request_and_change_are_recorded(stage: Stage, alice: Account) -> None:
    answer = stage.directory.request_reset("alice", NOW, source="192.0.2.1")
    assert answer is not None
    stage.directory.reset_password(answer[1], NEW, NOW + 1, source="192.0.2.1")
    told = [(e.action, e.target, e.time, e.source) for e in stage.events if e.action.startswith("password.")]
    assert told == [
        ("password.reset.request", alice.ref, NOW, "192.0.2.1"),
        ("password.change", alice.ref, NOW + 1, "192.0.2.1"),
    ]
