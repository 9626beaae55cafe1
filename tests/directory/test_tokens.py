"""Tokens are shown once, listed without their text, and revoked for good."""

from __future__ import annotations

import pytest

from stockade.directory import (
    BadName,
    BuiltinDirectory,
    CredentialKind,
    NameTaken,
    Scope,
    UnknownAccount,
    UnknownToken,
)
from stockade.errors import ConfigurationError
from tests.directory.conftest import NOW, Stage


@pytest.fixture
def directory(stage: Stage) -> BuiltinDirectory:
    stage.directory.create_account("alice")
    stage.directory.create_account("bob")
    return stage.directory


def test_a_token_says_what_it_is_for(directory: BuiltinDirectory) -> None:
    token, plain = directory.issue_token("Alice", "laptop", [Scope.API], expires=NOW + 1, within="Demo/Hello")
    assert (token.holder, token.name, token.scopes, token.within) == (
        "alice",
        "laptop",
        frozenset({Scope.API}),
        "demo/hello",
    )
    assert (token.made, token.expires, token.last_used, token.revoked) == (NOW, NOW + 1, None, None)
    assert plain.startswith("stk_pat_")
    assert list(directory.tokens()) == [token]


def test_deploy_tokens_get_a_login_each(directory: BuiltinDirectory) -> None:
    def deploy(login: str | None) -> str | None:
        kind = CredentialKind.DEPLOY
        return directory.issue_token("alice", "x", [Scope.API], kind=kind, username=login)[0].username

    logins = [deploy("Reader"), deploy(None), deploy(None)]
    assert logins[0] == "reader"
    assert len(set(logins)) == 3
    with pytest.raises(NameTaken):
        deploy("READER")


def test_tokens_are_listed_by_holder_page_after_page(
    directory: BuiltinDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.directory.builtin.register.PAGE", 2)
    for number in range(5):
        directory.issue_token("alice", f"alice {number}", [Scope.API])
        directory.issue_token("bob", f"bob {number}", [Scope.API])
    assert [token.name for token in directory.tokens("ALICE")] == [f"alice {number}" for number in range(5)]
    assert len(list(directory.tokens())) == 10


def test_revoking_says_when_and_why_and_is_done_once(stage: Stage, directory: BuiltinDirectory) -> None:
    token, _ = directory.issue_token("alice", "laptop", [Scope.API])
    assert directory.revoke_token(token.id, reason="lost").revoked == NOW
    assert directory.revoke_token(token.id, reason="again").revoked == NOW
    (event,) = stage.reported("token.revoke")
    assert event.target == token.ref
    assert (event.details["holder"], event.details["reason"]) == ("alice", "lost")


@pytest.mark.parametrize("number", [0, -1, 999, 1 << 63, 1 << 200])
def test_a_token_that_does_not_exist_cannot_be_revoked(directory: BuiltinDirectory, number: int) -> None:
    with pytest.raises(UnknownToken):
        directory.revoke_token(number)


def test_nobody_holds_no_tokens(directory: BuiltinDirectory) -> None:
    with pytest.raises(UnknownAccount):
        directory.tokens("nobody")
    with pytest.raises(UnknownAccount):
        directory.issue_token("nobody", "x", [Scope.API])


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "\x1b[31m", "\0"])
def test_a_label_is_printable(directory: BuiltinDirectory, name: str) -> None:
    with pytest.raises(BadName):
        directory.issue_token("alice", name, [Scope.API])


def test_terms_that_make_no_sense_are_refused(directory: BuiltinDirectory) -> None:
    with pytest.raises(ConfigurationError, match="without a scope"):
        directory.issue_token("alice", "x", [])
    with pytest.raises(ConfigurationError, match="must expire"):
        directory.issue_token("alice", "x", [Scope.API], kind=CredentialKind.CI_JOB)
    with pytest.raises(ConfigurationError, match="not a token"):
        directory.issue_token("alice", "x", [Scope.API], kind=CredentialKind.SESSION)
    assert list(directory.tokens()) == []


def test_a_token_that_was_found_somewhere_is_told_without_a_use_being_noted(directory: BuiltinDirectory) -> None:
    token, plain = directory.issue_token("alice", "laptop", [Scope.API])
    assert directory.token_in_plain(plain) == token
    revoked = directory.revoke_token(token.id)
    assert directory.token_in_plain(plain) == revoked
    with pytest.raises(UnknownToken):
        directory.token_in_plain("stk_pat_nobodys")
