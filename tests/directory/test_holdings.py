"""Every kind of thing is listed with its holder and maker, ended, and put back where that can be."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from stockade.actions import BEHAVIOUR_OF
from stockade.directory import BuiltinDirectory, CredentialKind, Level, Scope, UnknownCredentials
from stockade.directory.accounts import IntegrationKind, Membership
from stockade.directory.builtin.acting import BuiltinActuator
from stockade.directory.builtin.holdings import HOLDINGS
from stockade.directory.refusals import AccountLocked, Impossible, UnknownHolding
from stockade.errors import Refused
from stockade.events import Personal, Ref
from stockade.steps import Step, Tactic
from tests.directory.conftest import NOW, Stage
from tests.directory.everything import ALICE, PASSWORD, PLACE, VALUE, fill

NOBODYS = {
    CredentialKind.DEPLOY_KEY,
    CredentialKind.VARIABLE,
    CredentialKind.RUNNER,
    CredentialKind.WEBHOOK,
    CredentialKind.MIRROR,
}
WITHOUT_MAKER = {CredentialKind.PASSWORD, CredentialKind.RESET, CredentialKind.SESSION, CredentialKind.GRANT}
GONE_FOR_GOOD = {"password", "reset", "session"}


def opened(directory: BuiltinDirectory, kind: str, secret: str) -> bool:
    """Whether this secret opens anything in the way that its kind does."""
    ways: dict[str, Callable[[], object]] = {
        "session": lambda: directory.signed_in(secret, NOW),
        "reset": lambda: directory.reset_password(secret, PASSWORD, NOW),
        "runner": lambda: directory.authenticate_runner(secret, NOW),
        "refresh": lambda: directory.refresh_grant(secret, NOW),
    }
    try:
        ways.get(kind, lambda: directory.authenticate_token(secret, NOW))()
    except Refused:
        return False
    return True


def test_all_kinds_are_listed_with_holder_and_maker(directory: BuiltinDirectory) -> None:
    fill(directory)
    found = list(directory.credentials())
    assert {credential.kind for credential in found} == set(CredentialKind)
    assert {credential.kind for credential in found if not credential.holder} == NOBODYS
    assert {c.kind for c in found if c.made_by is None} == WITHOUT_MAKER
    assert {c.made_by for c in found if c.made_by} == {"alice"}
    assert {credential.ref for credential in directory.credentials("ALICE")} == {c.ref for c in found if c.holder}
    assert [directory.credential(credential.ref) for credential in found] == found
    assert {each.kind for each in directory.integrations()} == set(IntegrationKind)
    assert all(each.made_by == "alice" and each.place == PLACE for each in directory.integrations())
    assert [each.acts_for for each in directory.integrations() if each.kind == "schedule"] == ["alice"]


def test_traits_say_how_a_thing_is_kept(directory: BuiltinDirectory) -> None:
    fill(directory)
    traits = {credential.kind: credential.traits for credential in directory.credentials()}
    assert traits[CredentialKind.VARIABLE] == {"protected"}
    assert traits[CredentialKind.DEPLOY_KEY] == {"read-only"}
    assert traits[CredentialKind.MIRROR] == {"pushes"}
    assert traits[CredentialKind.EMAIL] == {"unconfirmed"}


def test_a_long_list_comes_page_by_page(directory: BuiltinDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(directory)
    whole = [credential.ref for credential in directory.credentials()]
    monkeypatch.setattr("stockade.directory.builtin.register.PAGE", 1)
    assert [credential.ref for credential in directory.credentials()] == whole
    assert len(list(directory.integrations())) == 5


def test_everything_ends_and_comes_back_by_its_own_verbs(stage: Stage) -> None:
    directory, actuator = stage.directory, BuiltinActuator(stage.directory)
    fill(directory)
    for ref in {*(c.ref for c in directory.credentials()), *(i.ref for i in directory.integrations())}:
        holding = HOLDINGS[ref.kind]
        before = actuator.observe(ref)
        end = Step(holding.ended, ref, Tactic.EVICT, "taken over")
        assert not actuator.holds(end), ref
        actuator.perform(end, by=ALICE)
        assert actuator.holds(end), ref
        assert actuator.perform(end) == {"already": True}
        assert [e.actor for e in stage.reported(holding.ended) if e.target == ref] == [ALICE]
        if ref.kind in GONE_FOR_GOOD:
            with pytest.raises(Impossible):
                directory.restore(ref)
            continue
        back = Step(holding.restored, ref, Tactic.RESTORE, "not taken over after all")
        actuator.perform(back)
        assert actuator.holds(back)
        assert actuator.observe(ref) == before
    assert {event.action for event in stage.events} <= set(BEHAVIOUR_OF)


def test_what_acts_by_itself_is_stopped_and_goes_on(stage: Stage) -> None:
    directory, actuator = stage.directory, BuiltinActuator(stage.directory)
    fill(directory)
    for integration in list(directory.integrations()):
        ref = integration.ref
        actuator.perform(Step(f"{ref.kind}.pause", ref, Tactic.ISOLATE, "taken over"))
        assert directory.integration(ref).paused == NOW
        actuator.perform(Step(f"{ref.kind}.resume", ref, Tactic.RESTORE, "clean"))
        assert directory.integration(ref) == integration
    with pytest.raises(Impossible):
        directory.pause(next(directory.tokens()).ref)


def test_every_secret_opens_until_its_thing_is_ended(directory: BuiltinDirectory) -> None:
    secrets = fill(directory)
    del secrets["session"]
    refused = {"application"}  # it opens nothing by itself
    for kind in secrets.keys() - {"refresh"}:  # which replaces the grant's
        assert opened(directory, kind, secrets[kind]) == (kind not in refused), kind
    secrets["session"] = directory.open_session(directory.account("alice"), NOW, 60)  # a reset ends the others
    for kind in ("session", "grant", "runner", "personal", "project", "group", "deploy", "impersonation", "trigger"):
        credential = directory.whose(secrets[kind])
        assert opened(directory, kind, secrets[kind])
        directory.revoke(credential.ref)
        assert not opened(directory, kind, secrets[kind]), kind
    assert not opened(directory, "refresh", secrets["refresh"])


def test_a_locked_account_is_shut_out_by_every_door_and_by_itself_let_in_again(directory: BuiltinDirectory) -> None:
    secrets = fill(directory)
    directory.lock("alice", NOW + 60)
    assert not list(directory.held("session", directory.account("alice")))
    for kind in ("grant", "personal", "project", "group", "impersonation", "trigger", "ci_job"):
        with pytest.raises(AccountLocked):
            directory.authenticate_token(secrets[kind], NOW)
        if kind != "ci_job":
            assert directory.authenticate_token(secrets[kind], NOW + 60).account.name == "alice"
    with pytest.raises(AccountLocked):
        directory.refresh_grant(secrets["refresh"], NOW)


def test_grants_end_with_their_application(directory: BuiltinDirectory) -> None:
    secrets = fill(directory)
    application = directory.whose(secrets["application"]).ref
    directory.revoke(application)
    assert not opened(directory, "grant", secrets["grant"])
    directory.restore(application)
    assert opened(directory, "grant", secrets["grant"])
    made, access, another = directory.refresh_grant(secrets["refresh"], NOW + 10_000)
    assert directory.authenticate_token(access, NOW + 1).by.id == made.id
    with pytest.raises(UnknownCredentials):
        directory.refresh_grant(secrets["refresh"], NOW)
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(access, NOW + 17_200)
    assert directory.whose(another) == directory.credential(made.ref)


def test_secrets_are_replaced_in_place(directory: BuiltinDirectory) -> None:
    secrets = fill(directory)
    runner = directory.whose(secrets["runner"])
    mark = directory.secret_mark(runner.ref)
    _, new = directory.rotate(runner.ref, reason="seen")
    assert directory.secret_mark(runner.ref) != mark
    assert directory.authenticate_runner(new, NOW).id == runner.id
    assert not opened(directory, "runner", secrets["runner"])
    for kind in (CredentialKind.WEBHOOK, CredentialKind.APPLICATION):
        (thing,) = (each for each in directory.credentials() if each.kind is kind)
        mark = directory.secret_mark(thing.ref)
        assert directory.rotate(thing.ref)[0].ref == thing.ref
        assert directory.secret_mark(thing.ref) != mark
    (key,) = (each for each in directory.credentials() if each.kind is CredentialKind.SSH_KEY)
    with pytest.raises(Impossible):
        directory.rotate(key.ref)


def test_a_deploy_login_goes_to_the_new_token_once_the_old_one_is_over(directory: BuiltinDirectory) -> None:
    directory.create_account("bot")
    kind = CredentialKind.DEPLOY
    old, plain = directory.issue_token("bot", "ci", [Scope.API], kind=kind, username="deployer")
    second, middle = directory.rotate(old.ref, overlap=60)
    assert directory.authenticate("deployer", plain, NOW).by.id == old.id
    assert directory.authenticate(second.username or "", middle, NOW).by.id == second.id
    third, last = directory.rotate(second.ref)
    assert directory.authenticate(second.username or "", last, NOW).by.id == third.id
    with pytest.raises(Impossible):
        directory.rotate(second.ref)


def test_no_event_tells_a_secret_or_says_in_clear_who_somebody_is(stage: Stage) -> None:
    secrets = fill(stage.directory)
    told = json.dumps([dict(event.details) for event in stage.events], default=lambda _: "(hidden)")
    for secret in [
        *secrets.values(),
        "hook-key",
        "hook-secret",
        "mirror-secret",
        VALUE,
        "alice@example.net",
        "cn=alice",
    ]:
        assert secret not in told
    emails = [event.details["name"] for event in stage.reported("email.add")]
    assert emails
    assert all(isinstance(address, Personal) for address in emails)


def test_a_membership_says_since_when_and_counts_until_it_expires(directory: BuiltinDirectory) -> None:
    fill(directory)
    directory.create_account("bob")
    made = directory.add_member("bob", "group", Level.DEVELOPER, expires=NOW, by=ALICE)
    assert made == Membership("bob", "group", Level.DEVELOPER, NOW, NOW, "alice")
    assert {each.account for each in directory.memberships()} == {"alice", "bob"}
    _, plain = directory.issue_token("bob", "x", [Scope.API])
    assert not directory.allowed(directory.authenticate_token(plain, NOW), PLACE)
    directory.add_member("bob", "group", Level.DEVELOPER, expires=NOW + 1)
    assert directory.allowed(directory.authenticate_token(plain, NOW), PLACE) == {"read", "write"}


@pytest.mark.parametrize("ref", ["stockade:token/0", "stockade:token/x", "gitlab:token/1", "stockade:door/1"])
def test_what_is_not_there_is_said_to_be_unknown(directory: BuiltinDirectory, ref: str) -> None:
    for verb in (directory.revoke, directory.restore, directory.credential, directory.thing):
        with pytest.raises(UnknownHolding):
            verb(Ref.parse(ref))
