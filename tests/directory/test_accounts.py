"""Accounts are made once under one spelling, listed, blocked and let in again."""

from __future__ import annotations

import pytest

from stockade.directory import (
    AccountKind,
    AccountState,
    BadName,
    BuiltinDirectory,
    NameTaken,
    UnknownAccount,
    WeakPassword,
)
from stockade.events import Ref
from tests.directory.conftest import NOW, Stage

OPERATOR = Ref("stockade", "user", "operator")


def test_a_new_account_is_found_under_every_spelling_of_its_name(directory: BuiltinDirectory) -> None:
    made = directory.create_account("Alice", AccountKind.HUMAN, "correct horse", "Alice@Example.org", admin=True)
    assert (made.name, made.kind, made.state, made.admin) == ("alice", "human", "active", True)
    assert (made.email, made.created) == ("Alice@Example.org", NOW)
    assert [directory.account(name) for name in ("alice", "ALICE", "ａｌｉｃｅ")] == [made] * 3


@pytest.mark.parametrize("name", ["alice", "ALICE", "ａlice"])
def test_a_name_that_looks_the_same_is_taken(directory: BuiltinDirectory, name: str) -> None:
    directory.create_account("alice")
    with pytest.raises(NameTaken):
        directory.create_account(name)


def test_an_email_address_belongs_to_one_account(directory: BuiltinDirectory) -> None:
    directory.create_account("alice", email="alice@example.org")
    with pytest.raises(NameTaken):
        directory.create_account("mallory", email="ALICE@EXAMPLE.ORG")
    assert [account.name for account in directory.accounts()] == ["alice"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        ".",
        "..",
        "a/b",
        "a b",
        "a\0b",
        "a\n",
        "é",
        "\ud800",
        "a" * 256,
        "ﷺ" * 100,
        "a@b",
        "stk_pat_x",
        "gitlab-ci-token",
        "CI-Token",
    ],
)
def test_what_is_no_name_is_refused(directory: BuiltinDirectory, name: str) -> None:
    with pytest.raises(BadName):
        directory.create_account(name)
    assert list(directory.accounts()) == []


@pytest.mark.parametrize("email", ["", "alice", "a@b@c", "a b@c", "a@b\n", "a\0@b", "a" * 250 + "@b.org"])
def test_what_is_no_email_address_is_refused(directory: BuiltinDirectory, email: str) -> None:
    with pytest.raises(BadName):
        directory.create_account("alice", email=email)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025, "Alexander", "\ud800" * 8])
def test_a_weak_password_is_refused(directory: BuiltinDirectory, password: str) -> None:
    with pytest.raises(WeakPassword):
        directory.create_account("alexander", password=password)


def test_accounts_are_listed_by_name_page_after_page(
    directory: BuiltinDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.directory.builtin.register.PAGE", 3)
    for number in range(7):
        directory.create_account(f"user{6 - number}")
    assert [account.name for account in directory.accounts()] == [f"user{number}" for number in range(7)]


def test_a_list_may_be_changed_while_it_is_read(directory: BuiltinDirectory) -> None:
    for name in ("a", "b"):
        directory.create_account(name)
    for account in directory.accounts():
        directory.block(account.name)
    assert {account.state for account in directory.accounts()} == {AccountState.BLOCKED}


def test_blocking_and_unblocking_say_who_did_it_and_why(stage: Stage) -> None:
    stage.directory.create_account("alice", by=OPERATOR)
    assert stage.directory.block("Alice", by=OPERATOR, reason="odd sign-ins").blocked
    assert not stage.directory.unblock("alice", by=OPERATOR, reason="was on holiday").blocked
    told = [(event.action, str(event.target), event.actor, event.details.get("reason")) for event in stage.events]
    assert told == [
        ("user.create", "stockade:user/alice", OPERATOR, None),
        ("user.block", "stockade:user/alice", OPERATOR, "odd sign-ins"),
        ("user.unblock", "stockade:user/alice", OPERATOR, "was on holiday"),
    ]
    assert {event.time for event in stage.events} == {NOW}


def test_blocking_twice_is_one_change(stage: Stage) -> None:
    stage.directory.create_account("alice")
    stage.directory.block("alice")
    stage.directory.block("alice")
    assert len(stage.reported("user.block")) == 1


@pytest.mark.parametrize("name", ["nobody", "not a name", "\0"])
def test_who_does_not_exist_cannot_be_blocked(directory: BuiltinDirectory, name: str) -> None:
    with pytest.raises(UnknownAccount):
        directory.block(name)
    with pytest.raises(UnknownAccount):
        directory.account(name)


def test_a_number_is_never_given_twice(directory: BuiltinDirectory) -> None:
    numbers = [directory.create_account(name).id for name in ("a", "b", "c")]
    assert numbers == sorted(set(numbers))
