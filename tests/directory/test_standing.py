"""Whatever an account shows, it is refused while it is blocked, locked or departed, or overdue with a second factor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, update

from stockade.directory import (
    Account,
    AccountBlocked,
    AccountDeparted,
    AccountLocked,
    BuiltinDirectory,
    FactorOverdue,
    PasswordAlone,
    Scope,
    UnknownCredentials,
)
from stockade.directory.builtin.schema import accounts, factors
from tests.directory.conftest import NOW, Stage

PASSWORD = "correct horse battery"


def changed(stage: Stage, **values: object) -> None:
    with stage.directory._database.writing() as sql:
        sql.execute(update(accounts).values(**values))


def give_factor(directory: BuiltinDirectory, account: Account) -> None:
    values = {"account_id": account.id, "kind": "totp", "name": "phone", "counter": 0, "made": NOW}
    with directory._database.writing() as sql:
        sql.execute(insert(factors).values(values))


def ways_in(stage: Stage) -> Iterator[object]:
    """Everything alice has, tried; what each raises, or None."""
    directory, alice = stage.directory, stage.directory.account("alice")
    _, token = directory.issue_token("alice", "laptop", [Scope.API])
    cookie = directory.open_session(alice, NOW - 1, 3600)
    yield lambda: directory.authenticate("alice", PASSWORD, NOW)
    yield lambda: directory.authenticate("alice", token, NOW)
    yield lambda: directory.authenticate_token(token, NOW)
    yield lambda: directory.authenticate_session(cookie, NOW)


@pytest.mark.parametrize(
    ("values", "refusal", "words"),
    [
        ({"locked": NOW + 60}, AccountLocked, "is locked until 2027-01-15 08:01 UTC"),
        ({"departed": NOW - 1}, AccountDeparted, "is no longer in use"),
        ({"state": "blocked"}, AccountBlocked, "is blocked"),
        ({"factor_due": NOW}, FactorOverdue, "sign in with a browser and add one at /users/two_factor"),
    ],
)
def test_every_way_in_is_shut_at_once(
    stage: Stage, values: dict[str, object], refusal: type[AccountBlocked], words: str
) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    tries = list(ways_in(stage))
    for attempt in tries:
        assert attempt()  # type: ignore[operator]
    changed(stage, **values)
    for attempt in tries:
        with pytest.raises(refusal, match=words):
            attempt()  # type: ignore[operator]
    assert {event.details["reason"] for event in stage.reported("authentication.failure")} == {refusal.reason}


def test_a_lock_lapses_by_itself(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    changed(stage, locked=NOW)
    assert stage.directory.authenticate("alice", PASSWORD, NOW).account.name == "alice"


def test_who_has_a_factor_is_not_overdue_and_shows_a_password_only_where_the_factor_follows(stage: Stage) -> None:
    alice = stage.directory.create_account("alice", password=PASSWORD)
    _, token = stage.directory.issue_token("alice", "laptop", [Scope.API])
    give_factor(stage.directory, alice)
    changed(stage, factor_due=NOW - 1)
    assert stage.directory.authenticate("alice", token, NOW).account == stage.directory.account("alice")
    assert stage.directory.sign_in("alice", PASSWORD, NOW).account == stage.directory.account("alice")
    with pytest.raises(PasswordAlone, match="use a personal access token"):
        stage.directory.authenticate("alice", PASSWORD, NOW)
    with pytest.raises(UnknownCredentials):
        stage.directory.authenticate("alice", "guessed", NOW)


def test_a_session_without_its_factor_opens_nothing(stage: Stage) -> None:
    alice = stage.directory.create_account("alice", password=PASSWORD)
    cookie = stage.directory.open_session(alice, NOW, 3600)
    assert stage.directory.session(cookie, NOW) == alice
    give_factor(stage.directory, alice)
    with pytest.raises(UnknownCredentials):
        stage.directory.session(cookie, NOW)
    assert stage.directory.signed_in(cookie, NOW).factor_missing


def test_who_must_enrol_is_signed_in_for_that_alone(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    changed(stage, factor_due=NOW - 1)
    alice = stage.directory.sign_in("alice", PASSWORD, NOW).account
    cookie = stage.directory.open_session(alice, NOW, 3600)
    with pytest.raises(FactorOverdue):
        stage.directory.session(cookie, NOW)
    assert stage.directory.signed_in(cookie, NOW).account == alice
