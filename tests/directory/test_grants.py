"""What people let applications do: a code is redeemed once, by who asked for it, and a copy of a token ends it all."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest

from stockade.directory import BuiltinDirectory, Credential, Scope, Secret, UnknownCredentials
from stockade.directory.builtin.applications import Application
from stockade.directory.builtin.grants import CODE_SECONDS, IDLE, LIFETIME, Consent
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.pkce import challenge_of, is_challenge, proves
from stockade.directory.refusals import AccountBlocked, BadName, FactorOverdue, Impossible
from stockade.errors import ConfigurationError
from stockade.events import Ref
from tests.directory.conftest import NOW, Stage

BACK = "https://board.example/done"
READ = frozenset({Scope.READ_REPOSITORY})
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
ALICE = Ref("stockade", "user", "alice")


@pytest.fixture
def who(directory: BuiltinDirectory) -> SignedIn:
    """Alice, signed in."""
    alice = directory.create_account("alice")
    return directory.signed_in(directory.open_session(alice, NOW, 3600), NOW)


@pytest.fixture
def board(directory: BuiltinDirectory) -> Application:
    directory.create_account("bob")
    made, _ = directory.create_application("bob", "Board", BACK, [Scope.READ_REPOSITORY, Scope.READ_REGISTRY])
    return directory.application(str(made.username), NOW)


def agreed(directory: BuiltinDirectory, who: SignedIn, board: Application, **more: Any) -> Secret:
    return directory.consent(who, Consent(board, READ, BACK, **more), NOW, source="192.0.2.7")


def test_a_consent_is_redeemed_for_tokens_that_open_and_are_refreshed(
    stage: Stage, who: SignedIn, board: Application
) -> None:
    directory = stage.directory
    code = agreed(directory, who, board, challenge=challenge_of(VERIFIER))
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(code, NOW)
    grant, access, refresh = directory.redeem(board, code, BACK, VERIFIER, NOW + 1, source="198.51.100.1")
    found = directory.authenticate_token(access, NOW + 2)
    assert (found.account.name, found.scopes, found.by.ref) == ("alice", READ, grant.ref)
    assert [(ref, each.id) for ref, each in directory.granted(who.account, NOW)] == [(board.ref, grant.id)]
    _, fresh, _ = directory.refresh_grant(refresh, NOW + LIFETIME, application=board)
    assert directory.authenticate_token(fresh, NOW + LIFETIME).by.ref == grant.ref
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(access, NOW + 2)
    [consent], [redeemed] = stage.reported("application.authorize"), stage.reported("grant.redeem")
    assert (consent.actor, consent.target, consent.source) == (ALICE, grant.ref, "192.0.2.7")
    assert consent.details["application"] == str(board.ref)
    assert (redeemed.target, redeemed.source) == (grant.ref, "198.51.100.1")
    assert [event.target for event in stage.reported("grant.refresh")] == [grant.ref]


def test_a_code_is_for_who_asked_for_it_and_one_minute_and_used_up_by_trying(
    directory: BuiltinDirectory, who: SignedIn, board: Application
) -> None:
    for redirect, verifier, later in (
        (BACK, None, 1),
        (BACK, "another-verifier-of-at-least-forty-three-character", 1),
        (BACK + "/", VERIFIER, 1),
        (None, VERIFIER, 1),
        (BACK, VERIFIER, CODE_SECONDS),
    ):
        code = agreed(directory, who, board, challenge=challenge_of(VERIFIER))
        for shown in ((redirect, verifier, NOW + later), (BACK, VERIFIER, NOW + 1)):
            with pytest.raises(UnknownCredentials):
                directory.redeem(board, code, *shown)


def test_a_verifier_where_none_was_announced_is_refused(
    directory: BuiltinDirectory, who: SignedIn, board: Application
) -> None:
    with pytest.raises(UnknownCredentials):
        directory.redeem(board, agreed(directory, who, board), BACK, VERIFIER, NOW)


@pytest.mark.parametrize("client", ["", "\0", "é", "' OR 1=1", "x" * 5000])
def test_a_client_id_that_is_none_is_unknown(directory: BuiltinDirectory, client: str) -> None:
    with pytest.raises(UnknownCredentials):
        directory.application(client, NOW)
    with pytest.raises(UnknownCredentials):
        directory.authenticate_application(client, "secret", NOW)


def test_another_application_gets_nothing_for_it(
    directory: BuiltinDirectory, who: SignedIn, board: Application
) -> None:
    made, _ = directory.create_application("bob", "Other", BACK, [Scope.API])
    other = directory.application(str(made.username), NOW)
    code = agreed(directory, who, board)
    with pytest.raises(UnknownCredentials):
        directory.redeem(other, code, BACK, None, NOW)
    _, access, refresh = directory.redeem(board, code, BACK, None, NOW)
    with pytest.raises(UnknownCredentials):
        directory.refresh_grant(refresh, NOW, application=other)
    with pytest.raises(UnknownCredentials):
        directory.give_back(other, access, NOW)
    assert directory.authenticate_token(access, NOW).account.name == "alice"
    assert directory.give_back(board, refresh, NOW) is not None
    assert directory.give_back(board, "never given out", NOW) is None
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(access, NOW)


def test_a_refresh_token_that_nobody_uses_comes_to_its_end(stage: Stage, who: SignedIn, board: Application) -> None:
    directory, late = stage.directory, NOW + 1 + IDLE
    grant, _, first = directory.redeem(board, agreed(directory, who, board), BACK, None, NOW + 1)
    assert grant.expires == late
    again, access, second = directory.refresh_grant(first, late - 1, application=board)
    assert (again.ref, again.expires) == (grant.ref, late - 1 + IDLE)
    for _ in range(2):
        with pytest.raises(UnknownCredentials):
            directory.refresh_grant(second, late - 1 + IDLE, application=board)
    assert stage.reported("authentication.failure")[-1].details["reason"] == "too old"
    assert stage.reported("grant.revoke") == []  # nobody has a copy
    assert directory.refresh_grant(second, late, application=board, idle=60)[0].expires == late + LIFETIME
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(access, late)


@pytest.mark.parametrize("again", ["code", "refresh token"])
def test_what_is_used_twice_has_been_copied_and_ends_the_grant(
    stage: Stage, who: SignedIn, board: Application, again: str
) -> None:
    directory = stage.directory
    code = agreed(directory, who, board)
    _, _, first = directory.redeem(board, code, BACK, None, NOW)
    grant, access, second = directory.refresh_grant(first, NOW, application=board)
    twice: dict[str, Callable[[], object]] = {
        "code": lambda: directory.redeem(board, code, BACK, None, NOW + 86_400),
        "refresh token": lambda: directory.refresh_grant(first, NOW + 86_400, application=board),
    }
    with pytest.raises(UnknownCredentials):
        twice[again]()
    for opens in (
        lambda: directory.authenticate_token(access, NOW),
        lambda: directory.refresh_grant(second, NOW, application=board),
    ):
        with pytest.raises(UnknownCredentials):
            opens()
    [ended] = stage.reported("grant.revoke")
    assert (ended.target, ended.details["reason"]) == (grant.ref, f"{again} used twice")


def test_of_two_that_come_at_once_one_gets_tokens_and_then_neither_has_any(
    stage: Stage, who: SignedIn, board: Application
) -> None:
    directory, together, got = stage.directory, Barrier(2), list[Credential]()
    _, _, refresh = directory.redeem(board, agreed(directory, who, board), BACK, None, NOW)

    def come() -> None:
        together.wait()
        try:
            got.append(directory.refresh_grant(refresh, NOW, application=board)[0])
        except UnknownCredentials:
            return

    both = [Thread(target=come) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert len(got) == 1
    assert directory.credential(got[0].ref).revoked == NOW


@pytest.mark.parametrize("how", ["block", "lock", "depart", "overdue", "revoke"])
def test_who_is_shut_out_is_so_with_codes_and_refresh_tokens_at_once(
    directory: BuiltinDirectory, who: SignedIn, board: Application, how: str
) -> None:
    grant, _, refresh = directory.redeem(board, agreed(directory, who, board), BACK, None, NOW)
    code = agreed(directory, who, board)
    shut: dict[str, Callable[[], object]] = {
        "block": lambda: directory.block("alice"),
        "lock": lambda: directory.lock("alice", NOW + 60),
        "depart": lambda: directory.depart("alice"),
        "overdue": lambda: directory.require_factor("alice", NOW),
        "revoke": lambda: [directory.revoke(grant.ref), directory.close_sessions(who.account)],
    }
    shut[how]()
    refused = UnknownCredentials if how == "revoke" else FactorOverdue if how == "overdue" else AccountBlocked
    with pytest.raises(refused):
        directory.refresh_grant(refresh, NOW, application=board)
    with pytest.raises((AccountBlocked, UnknownCredentials)):
        directory.redeem(board, code, BACK, None, NOW)


def test_a_code_goes_with_the_session_it_was_made_in(stage: Stage, who: SignedIn, board: Application) -> None:
    directory, code = stage.directory, agreed(stage.directory, who, board)
    directory.close_sessions(who.account)
    with pytest.raises(UnknownCredentials):
        directory.redeem(board, code, BACK, None, NOW)
    assert stage.reported("authentication.failure")
    assert not stage.reported("grant.revoke"), "nobody has used it twice"
    with pytest.raises(UnknownCredentials):
        agreed(directory, who, board)


def test_consents_that_came_to_nothing_are_forgotten(
    directory: BuiltinDirectory, who: SignedIn, board: Application
) -> None:
    agreed(directory, who, board)
    later = NOW + CODE_SECONDS
    directory.consent(who, Consent(board, READ), later)
    assert len(list(directory.held("grant"))) == 1
    assert len(list(directory.granted(who.account, later))) == 1
    assert list(directory.granted(who.account, later + CODE_SECONDS)) == []


def test_nobody_agrees_to_more_than_the_application_may_ask(
    directory: BuiltinDirectory, who: SignedIn, board: Application
) -> None:
    with pytest.raises(ConfigurationError):
        directory.consent(who, Consent(board, frozenset({Scope.API})), NOW)


def test_an_application_is_known_by_its_secret_and_a_public_one_by_none(stage: Stage) -> None:
    directory = stage.directory
    directory.create_account("bob")
    made, secret = directory.create_application("bob", "Board", BACK, READ)
    public = directory.create_public_application("bob", "Tool", "http://127.0.0.1:8123/done", READ)
    client, tool = str(made.username), str(public.username)
    known = directory.authenticate_application(client, secret, NOW)
    assert (known.ref, known.client, known.public, known.trusted) == (made.ref, client, False, False)
    assert directory.credential(made.ref).last_used == NOW
    assert directory.authenticate_application(tool, None, NOW).public
    for name, wrong in ((client, None), (client, "guessed"), (tool, secret), (tool, ""), ("nobody", secret)):
        with pytest.raises(UnknownCredentials):
            directory.authenticate_application(name, wrong, NOW)
    assert len(stage.reported("authentication.failure")) == 5
    with pytest.raises(Impossible):
        directory.rotate(public.ref)
    directory.lock("bob", NOW + 60)
    with pytest.raises(AccountBlocked):
        directory.authenticate_application(client, secret, NOW)
    directory.unlock("bob")
    directory.revoke(made.ref)
    with pytest.raises(UnknownCredentials):
        directory.authenticate_application(client, secret, NOW)


def test_people_are_sent_back_over_https_or_to_their_own_machine(directory: BuiltinDirectory) -> None:
    for redirect in (
        *("", "board.example/done", "http://board.example/done", "http://localhost.evil.example/"),
        *("javascript:alert(1)", "https://board.example/#part", "https://who@board.example/", "https:///done"),
        *("https://board.example/a b", "https://[::1/", "https://board.example/\n", "https://böard.example/"),
        "https://board.example/" + "a" * 2048,
    ):
        with pytest.raises(BadName):
            directory.create_application(None, "Board", redirect, READ)
    made, _ = directory.create_application(None, "Board", "http://[::1]:8123/done?a=b", READ)
    assert directory.application(str(made.username), NOW).redirect == "http://[::1]:8123/done?a=b"


def test_a_verifier_proves_the_challenge_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # appendix B
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert is_challenge(challenge_of(verifier))
    assert proves(verifier, challenge_of(verifier))
    assert proves(None, None)
    assert not proves("short", challenge_of("short"))
    assert not proves(verifier, None)
    assert not is_challenge("plain")
