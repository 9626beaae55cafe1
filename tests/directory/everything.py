"""One of every kind of thing that an account may hold or make, for tests that go through them all."""

from __future__ import annotations

from sqlalchemy import insert

from stockade.directory import BuiltinDirectory, CredentialKind, Level, Scope, Secret
from stockade.directory.accounts import TOKEN_KINDS
from stockade.directory.builtin.schema import factors
from stockade.events import Ref
from tests.directory.conftest import NOW

PLACE = "group/project"
ALICE = Ref("stockade", "user", "alice")
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMtmSAzo1Jvyfnnzwfpf4CUlHTK2sfOJeRd5CpzTyXMG alice@laptop"
DEPLOY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIkCE4EfaxYnFlfScAm3XvhfBFLrIjtxjAC4CCzVchj6"
PASSWORD = "correct horse"
VALUE = "a-value-to-keep"


def fill(directory: BuiltinDirectory) -> dict[str, Secret]:
    """Have alice hold and make one of each kind; the secrets by what they are."""
    alice = directory.create_account("alice", password=PASSWORD, email="alice@example.org", by=ALICE)
    directory.create_group("group", by=ALICE)
    directory.create_repository(PLACE, by=ALICE)
    directory.add_member("alice", "group", Level.OWNER, by=ALICE)
    secrets = {"session": directory.open_session(alice, NOW, 3600)}
    reset = directory.request_reset("alice", NOW)
    assert reset is not None
    secrets["reset"] = reset[1]
    for kind in sorted(TOKEN_KINDS):
        _, secrets[kind.value] = directory.issue_token(
            "alice", f"a {kind} token", [Scope.API], kind=kind, expires=NOW + 3600, within=PLACE, by=ALICE
        )
    _keys(directory)
    _factors(directory, alice.id)
    secrets |= _in_the_project(directory)
    directory.add_email("alice", "alice@example.net", by=ALICE)
    directory.link_identity("alice", "ldap", "cn=alice", by=ALICE)
    return secrets


def _keys(directory: BuiltinDirectory) -> None:
    from pysequoia import Tsk

    directory.add_key("alice", "laptop", SSH, by=ALICE)
    directory.add_key(None, "deploys", DEPLOY, kind=CredentialKind.DEPLOY_KEY, within=PLACE, by=ALICE)
    certificate = str(Tsk.generate("alice <alice@example.org>").extract_certificate())
    directory.add_key("alice", "signing", certificate, kind=CredentialKind.GPG_KEY, by=ALICE)


def _factors(directory: BuiltinDirectory, account: int) -> None:
    rows = [
        {"account_id": account, "kind": kind, "name": kind, "counter": 0, "made": NOW, "made_by": account}
        for kind in ("totp", "webauthn", "recovery")
    ]
    with directory._database.writing() as sql:
        sql.execute(insert(factors), rows)


def _in_the_project(directory: BuiltinDirectory) -> dict[str, Secret]:
    application, app_secret = directory.create_application(
        "alice", "board", "https://a.example/cb", [Scope.API], by=ALICE
    )
    _, access, refresh = directory.grant(application.ref, "alice", [Scope.API], by=ALICE)
    _, runner = directory.register_runner(PLACE, "builder", tags=["docker"], by=ALICE)
    directory.set_variable(PLACE, "PROD_KEY", VALUE, protected=True, by=ALICE)
    directory.add_webhook(PLACE, "https://hooks.example/in?key=hook-key", secret="hook-secret", by=ALICE)
    directory.add_githook(PLACE, "post-receive", "#!/bin/sh\nexit 0\n", by=ALICE)
    directory.add_mirror(PLACE, "https://mirror.example/x.git", secret="mirror-secret", pushes=True, by=ALICE)
    directory.add_schedule(PLACE, "alice", "nightly", "0 3 * * *", by=ALICE)
    return {"application": app_secret, "grant": access, "refresh": refresh, "runner": runner}
