"""No secret, and nothing a secret could be found from, is recorded, shown by accident, or kept in plain."""

from __future__ import annotations

import contextlib
import json
import pickle
import stat
from pathlib import Path

import pytest

from stockade.directory import AccountKind, BuiltinDirectory, Scope, Secret
from stockade.directory.seed import demo
from stockade.directory.tokens import digest
from stockade.errors import Refused, Unavailable
from stockade.events import Personal
from tests.directory.conftest import NOW, Stage


def live_through_everything(directory: BuiltinDirectory) -> tuple[list[str], list[object]]:
    """Use every secret rightly and wrongly; the secrets, and everything that was answered."""
    seen: list[object] = [directory]
    secrets = ["correct horse", "a wrong guess", "another horse"]
    seen.append(alice := directory.create_account("alice", AccountKind.HUMAN, "correct horse", "alice@example.org"))
    seen.append(issued := directory.issue_token("alice", "laptop", [Scope.API]))
    seen.append(cookie := directory.open_session(alice, NOW, 3600))
    seen.append(reset := directory.request_reset("alice", NOW))
    assert reset is not None
    secrets += [str(issued[1]), str(cookie), str(reset[1])]
    for name in ["alice", "nobody", *secrets]:
        for secret in secrets:
            with contextlib.suppress(Refused):
                seen.append(directory.authenticate(name, secret, NOW))
            with contextlib.suppress(Refused):
                seen.append(directory.authenticate_token(secret, NOW))
    seen.append(directory.authenticate_session(cookie, NOW))
    seen.append(directory.sessions("alice"))
    seen.append(directory.reset_password(reset[1], "another horse", NOW))
    seen.extend(directory.tokens())
    seen.append(directory.revoke_token(issued[0].id))
    return secrets, seen


def traces(secrets: list[str]) -> list[str]:
    """The secrets, as they are, folded, and digested."""
    return [form for secret in secrets for form in (secret, secret.lower(), digest(secret))]


def marked(value: object) -> str:
    """What an event may hold beside JSON."""
    assert isinstance(value, Personal)
    return repr(value)


def test_no_event_holds_a_secret_and_all_are_json(stage: Stage) -> None:
    secrets, _ = live_through_everything(stage.directory)
    told = json.dumps([[str(e.actor), str(e.target), e.source, dict(e.details)] for e in stage.events], default=marked)
    assert [trace for trace in traces(secrets) if trace in told] == []
    assert "$argon2" not in told


def test_no_repr_shows_a_secret(stage: Stage) -> None:
    secrets, seen = live_through_everything(stage.directory)
    shown = repr(seen) + repr(stage.events)
    assert [trace for trace in traces(secrets) if trace in shown] == []
    assert "$argon2" not in shown


def test_nothing_is_kept_in_plain(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path}/directory.db")
    stage.directory.migrate()
    secrets, _ = live_through_everything(stage.directory)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"alice@example.org" in kept
    assert [secret for secret in secrets if secret.encode() in kept] == []


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path}/directory.db")
    stage.directory.migrate()
    stage.directory.create_account("alice")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def all_said(error: BaseException | None) -> str:
    """What an error and everything that led to it say."""
    return "" if error is None else f"{error!r} {error} {all_said(error.__cause__ or error.__context__)}"


def test_an_error_of_the_database_does_not_show_the_values(own_stage: Stage) -> None:
    own_stage.directory.create_account("alice", password="correct horse")
    with own_stage.directory._database.writing() as sql:
        sql.exec_driver_sql("DROP TABLE tokens")
    with pytest.raises(Unavailable) as failure:
        own_stage.directory.issue_token("alice", "my laptop", [Scope.API])
    assert "tokens" in all_said(failure.value)
    assert "my laptop" not in all_said(failure.value)


def test_the_password_in_the_url_is_not_shown() -> None:
    directory = BuiltinDirectory("postgresql://stockade:hunter2@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as failure:
        directory.account("alice")
    assert "127.0.0.1" in all_said(failure.value)
    assert "hunter2" not in all_said(failure.value) + repr(directory)


def test_a_secret_is_shown_only_on_purpose() -> None:
    secret = Secret("hunter2")
    assert repr([secret]) == "[Secret(...)]"
    assert f"{secret}" == "hunter2" == str(secret)
    assert pickle.loads(pickle.dumps(secret)) == secret


def test_the_demo_shows_its_secrets_only_on_purpose(directory: BuiltinDirectory) -> None:
    made = demo(directory)
    assert str(made.password) not in repr(made)
    assert str(made.token_plain) not in repr(made)
