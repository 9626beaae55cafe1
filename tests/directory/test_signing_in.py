"""Who has the right secret is told who it is; everybody else is told the same nothing."""

from __future__ import annotations

import pytest

from stockade.directory import (
    EVERY_SCOPE,
    AccountBlocked,
    AccountKind,
    BuiltinDirectory,
    CredentialKind,
    Scope,
    Secret,
    UnknownCredentials,
)
from stockade.errors import Refused
from tests.directory.conftest import NOW, CountingHasher, Stage

PASSWORD = "correct horse"
READ = [Scope.READ_REPOSITORY]


@pytest.fixture
def alice(directory: BuiltinDirectory) -> BuiltinDirectory:
    directory.create_account("alice", password=PASSWORD)
    return directory


def token(directory: BuiltinDirectory, kind: CredentialKind = CredentialKind.PERSONAL, holder: str = "alice") -> Secret:
    _, plain = directory.issue_token(holder, "a token", READ, kind=kind, username="robot-login", expires=NOW + 100)
    return plain


def test_a_password_opens_everything(alice: BuiltinDirectory) -> None:
    found = alice.authenticate("ALICE", PASSWORD, NOW)
    assert (found.account.name, found.by.kind, found.scopes) == ("alice", CredentialKind.PASSWORD, EVERY_SCOPE)


def test_a_password_is_the_same_on_every_keyboard(directory: BuiltinDirectory) -> None:
    directory.create_account("zoe", password="zoe\u0308s passw\u00f6rter")
    assert directory.authenticate("zoe", "zo\u00ebs passwo\u0308rter", NOW).account.name == "zoe"


def test_a_personal_token_goes_for_the_password(alice: BuiltinDirectory) -> None:
    found = alice.authenticate("Alice", token(alice), NOW)
    assert (found.account.name, found.by.kind, found.scopes) == ("alice", CredentialKind.PERSONAL, frozenset(READ))


def test_a_deploy_token_has_a_login_of_its_own(alice: BuiltinDirectory) -> None:
    plain = token(alice, CredentialKind.DEPLOY)
    assert alice.authenticate("Robot-Login", plain, NOW).account.name == "alice"
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", plain, NOW)


@pytest.mark.parametrize("login", ["gitlab-ci-token", "ci-token"])
def test_a_job_token_goes_with_the_job_logins(alice: BuiltinDirectory, login: str) -> None:
    plain = token(alice, CredentialKind.CI_JOB)
    assert alice.authenticate(login, plain, NOW).by.kind is CredentialKind.CI_JOB
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", plain, NOW)


@pytest.mark.parametrize("kind", [CredentialKind.PERSONAL, CredentialKind.DEPLOY, CredentialKind.CI_JOB])
def test_a_token_alone_says_who_holds_it(alice: BuiltinDirectory, kind: CredentialKind) -> None:
    assert alice.authenticate_token(token(alice, kind), NOW).account.name == "alice"


def test_a_token_of_somebody_else_does_not_open_this_account(alice: BuiltinDirectory) -> None:
    alice.create_account("mallory", AccountKind.BOT)
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", token(alice, holder="mallory"), NOW)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("alice", "wrong horse"),
        ("alice", ""),
        ("alice", "x" * 100_000),
        ("alice", "\ud800"),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("not a name", PASSWORD),
        ("x" * 100_000, PASSWORD),
        ("a\0lice", PASSWORD),
        ("\ud800", PASSWORD),
    ],
)
def test_a_wrong_name_and_a_wrong_secret_are_answered_alike(alice: BuiltinDirectory, name: str, secret: str) -> None:
    with pytest.raises(UnknownCredentials) as refusal:
        alice.authenticate(name, secret, NOW)
    assert str(refusal.value) == str(UnknownCredentials())


@pytest.mark.parametrize("name", ["alice", "nobody", "not a name", "bot"])
def test_every_guess_costs_one_verification_whether_the_account_exists_or_not(stage: Stage, name: str) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    stage.directory.create_account("bot", AccountKind.BOT)
    with pytest.raises(UnknownCredentials):
        stage.directory.authenticate(name, "a wrong guess", NOW)
    assert stage.hasher.verifications == 1


def test_who_has_no_password_cannot_sign_in_with_an_empty_one(directory: BuiltinDirectory) -> None:
    directory.create_account("bot", AccountKind.BOT)
    for secret in ("", "None", "null"):
        with pytest.raises(UnknownCredentials):
            directory.authenticate("bot", secret, NOW)


def test_a_token_is_good_until_it_expires(alice: BuiltinDirectory) -> None:
    plain = token(alice)
    alice.authenticate("alice", plain, NOW + 99.9)
    with pytest.raises(UnknownCredentials, match="not right"):
        alice.authenticate("alice", plain, NOW + 100)


def test_a_revoked_token_opens_nothing(alice: BuiltinDirectory) -> None:
    plain = token(alice)
    alice.revoke_token(alice.authenticate_token(plain, NOW).by.id)
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", plain, NOW)
    with pytest.raises(UnknownCredentials):
        alice.authenticate_token(plain, NOW)


@pytest.mark.parametrize("text", ["", "stk_pat_", PASSWORD, "x" * 100_000, "\0", "\ud800", "stk_pat_" + "0" * 38])
def test_what_is_no_token_is_refused(alice: BuiltinDirectory, text: str) -> None:
    with pytest.raises(UnknownCredentials):
        alice.authenticate_token(text, NOW)


def test_a_blocked_account_is_refused_everywhere_at_once_and_let_in_again(alice: BuiltinDirectory) -> None:
    personal, deploy, job = (token(alice, CredentialKind(kind)) for kind in ("personal", "deploy", "ci_job"))
    cookie = alice.open_session(alice.account("alice"), NOW, 100)
    doors = (
        lambda: alice.authenticate("alice", PASSWORD, NOW),
        lambda: alice.authenticate("alice", personal, NOW),
        lambda: alice.authenticate("robot-login", deploy, NOW),
        lambda: alice.authenticate("ci-token", job, NOW),
        lambda: alice.authenticate_token(personal, NOW),
        lambda: alice.session(cookie, NOW),
        lambda: alice.open_session(alice.account("alice"), NOW, 100),
        lambda: alice.issue_token("alice", "another", READ),
    )
    for door in doors:
        door()
    alice.block("alice")
    for door in doors:
        with pytest.raises(AccountBlocked):
            door()
    alice.unblock("alice")
    for door in doors[:6]:
        door()


def test_that_an_account_is_blocked_is_told_only_to_who_has_its_password(alice: BuiltinDirectory) -> None:
    alice.block("alice")
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", "a wrong guess", NOW)


def test_a_password_just_verified_is_not_verified_again_for_a_minute(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    for seconds in (0, 30, 60):
        stage.directory.authenticate("alice", PASSWORD, NOW + seconds)
    assert stage.hasher.verifications == 1
    stage.directory.authenticate("alice", PASSWORD, NOW + 61)
    assert stage.hasher.verifications == 2


def test_a_failure_is_never_remembered(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    for _ in range(3):
        with pytest.raises(UnknownCredentials):
            stage.directory.authenticate("alice", "a wrong guess", NOW)
    assert stage.hasher.verifications == 3


def test_a_changed_password_counts_at_once_although_the_old_one_was_just_verified(alice: BuiltinDirectory) -> None:
    alice.authenticate("alice", PASSWORD, NOW)
    alice.set_password("alice", "another horse")
    with pytest.raises(UnknownCredentials):
        alice.authenticate("alice", PASSWORD, NOW)
    alice.authenticate("alice", "another horse", NOW)


def test_a_password_is_hashed_anew_when_the_parameters_have_changed(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    stronger = CountingHasher(time_cost=2)
    with stage.another(stronger) as later:
        later.authenticate("alice", PASSWORD, NOW)
    with pytest.raises(UnknownCredentials):
        stage.directory.authenticate("alice", "a wrong guess", NOW)
    with stage.another(CountingHasher(time_cost=2)) as third:
        third.authenticate("alice", PASSWORD, NOW)
        assert not third._passwords.outdated(_stored(stage))


def test_success_and_failure_are_recorded_with_the_address_and_the_reason(stage: Stage) -> None:
    stage.directory.create_account("alice", password=PASSWORD)
    plain = token(stage.directory)
    stage.directory.authenticate("alice", PASSWORD, NOW, source="192.0.2.1")
    stage.directory.authenticate("alice", plain, NOW, source="192.0.2.2")
    for name, secret in [("alice", "a wrong guess"), ("nobody", PASSWORD), ("not a name", PASSWORD)]:
        with pytest.raises(UnknownCredentials):
            stage.directory.authenticate(name, secret, NOW, source="192.0.2.3")
    stage.directory.block("alice")
    with pytest.raises(AccountBlocked):
        stage.directory.authenticate("alice", PASSWORD, NOW, source="192.0.2.4")

    told = [
        (
            event.outcome,
            event.target and event.target.id,
            event.source,
            event.details.get("kind", event.details.get("reason")),
        )
        for event in stage.events
        if event.action.startswith("authentication.")
    ]
    assert told == [
        ("success", "alice", "192.0.2.1", "password"),
        ("success", "alice", "192.0.2.2", "personal"),
        ("failure", "alice", "192.0.2.3", "wrong password"),
        ("failure", None, "192.0.2.3", "no such account"),
        ("failure", None, "192.0.2.3", "no such account"),
        ("refused", "alice", "192.0.2.4", "blocked"),
    ]


def test_the_use_of_a_token_is_noted_but_not_at_every_request(alice: BuiltinDirectory) -> None:
    plain = token(alice)

    def noted() -> tuple[float | None, str | None]:
        (found,) = alice.tokens("alice")
        return found.last_used, found.last_address

    assert noted() == (None, None)
    for seconds, address, expected in [
        (0, "192.0.2.1", (NOW, "192.0.2.1")),
        (30, "192.0.2.1", (NOW, "192.0.2.1")),
        (31, "192.0.2.2", (NOW + 31, "192.0.2.2")),
        (91, None, (NOW + 91, "192.0.2.2")),
    ]:
        alice.authenticate("alice", plain, NOW + seconds, source=address)
        assert noted() == expected


def test_every_refusal_can_be_caught_as_one(alice: BuiltinDirectory) -> None:
    with pytest.raises(Refused):
        alice.authenticate("alice", "a wrong guess", NOW)


def _stored(stage: Stage) -> str:
    with stage.directory._database.reading() as sql:
        return str(sql.exec_driver_sql("SELECT password FROM accounts").scalar_one())
