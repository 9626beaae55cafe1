"""An account is stolen and given back: real git, ssh, skopeo and a browser, against a forge that is served.

An attacker leaves behind what attackers do. The plan that the responder draws, approves and runs shuts every way in;
undone, exactly what the plan said comes back; and the gate lets nobody in before its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page

from stockade.directory import BuiltinDirectory, CredentialKind, Scope, Secret
from stockade.directory.refusals import UnknownCredentials
from stockade.directory.sealing import Sealing
from stockade.events import Ref
from tests.cli.terminal import Said, Terminal
from tests.cli.test_serve import Forge, served
from tests.gateway.git_client import GitClient
from tests.gateway.images import Skopeo
from tests.servers.docker_registry import write_image
from tests.servers.processes import wait_until
from tests.servers.sshd import start_sshd
from tests.ssh.conftest import House

READ = [Scope.READ_REPOSITORY, Scope.READ_REGISTRY]
SITE_LIFETIME = 3600.0


@dataclass
class Stage:
    """The forge that is served, its directory, and every way into it that alice, or whoever has her account, holds."""

    house: House
    directory: BuiltinDirectory
    skopeo: Skopeo
    ways: dict[str, Callable[[], bool]] = field(default_factory=dict)
    refs: dict[str, Ref] = field(default_factory=dict)

    def stockade(self, line: str, given: str = "") -> Said:
        said = self.house.forge.terminal(line, given=given)
        assert said.code in {0, 1}, said.err
        return said

    def open(self) -> set[str]:
        """The ways that lead in now."""
        return {name for name, works in self.ways.items() if works()}

    def way(self, name: str, ref: Ref, works: Callable[[], bool]) -> None:
        self.refs[name], self.ways[name] = ref, works

    # ── clients ──────────────────────────────────────────────────────────────────────────────────

    def git(self, secret: str, login: str = "alice") -> bool:
        url = f"http://{login}:{secret}@127.0.0.1:{self.house.forge.port}/demo/hello.git"
        return self.house.git.run("ls-remote", url).returncode == 0

    def bearer(self, secret: str) -> bool:
        url = f"http://127.0.0.1:{self.house.forge.port}/demo/hello.git"
        header = f"http.extraHeader=Authorization: Bearer {secret}"
        return self.house.git.run("-c", header, "ls-remote", url).returncode == 0

    def ssh(self, key: str) -> bool:
        return self.house.run(key, "ls-remote", self.house.url).returncode == 0

    def registry(self, login: str, secret: str) -> bool:
        return self.skopeo.login(login, secret).returncode == 0 and self.pulls()

    def pulls(self) -> bool:
        into = self.house.base / f"pulled-{time.monotonic_ns()}"
        return self.skopeo.pull("demo/hello/app:v1", into).returncode == 0

    def lives(self, ref: Ref) -> bool:
        """Whether the directory would let it do anything: for what no client of ours can try."""
        found = self.directory.thing(ref)
        return found.revoked is None and found.paused is None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    terminal = Terminal(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "skopeo").mkdir()
    unguarded = (
        f'state = "{tmp_path}/state"\npreset = "none"\n'  # who fails so often would be banned, and that is not meant
    )
    with served(terminal, text=unguarded) as forge:
        lines = terminal.run("ssh", "config", "--user", "root").out
        in_tmp = lines.replace("AuthorizedKeysCommand /", "AuthorizedKeysCommand /usr/bin/env /")  # sshd trusts no /tmp
        sealing = Sealing.kept_in(tmp_path / "state" / "directory.key")
        url = f"sqlite:///{tmp_path}/state/directory.sqlite3"
        with start_sshd(in_tmp) as sshd, BuiltinDirectory(url, sealing=sealing) as directory:
            house = House(forge, sshd, directory, GitClient(tmp_path), tmp_path)
            yield Stage(house, directory, Skopeo(tmp_path / "skopeo", forge.port))


def plant(stage: Stage) -> None:
    """What alice holds, and what somebody who has her account leaves behind."""
    write_image(stage.house.base / "image")
    assert stage.skopeo.login("alice", stage.house.forge.password).returncode == 0
    assert stage.skopeo.push(stage.house.base / "image", "demo/hello/app:v1").returncode == 0
    alice = stage.directory.account("alice")
    tokens(stage, alice.ref)
    keys(stage, alice.ref)
    others(stage, alice.ref)
    factor(stage)


def tokens(stage: Stage, by: Ref) -> None:
    directory, kind = stage.directory, CredentialKind
    for name, more in {
        "personal": {},
        "project": {"kind": kind.PROJECT, "within": "demo/hello"},
        "group": {"kind": kind.GROUP, "within": "demo"},
        "impersonation": {"kind": kind.IMPERSONATION},
    }.items():
        made, plain = directory.issue_token("alice", name, READ, by=by, **more)  # type: ignore[arg-type]
        stage.way(f"{name} token, git", made.ref, lambda plain=plain: stage.git(plain))  # type: ignore[misc]
    made, api = directory.issue_token("alice", "api", [Scope.API], by=by)
    stage.way("token alone, as a bearer", made.ref, lambda: stage.bearer(api))
    made, pull = directory.issue_token("alice", "pull", READ, by=by)
    stage.way("token, skopeo", made.ref, lambda: stage.registry("alice", pull))
    made, deploy = directory.issue_token("alice", "d", READ, kind=kind.DEPLOY, within="demo/hello", by=by)
    login = str(made.username)
    stage.way("deploy token, git", made.ref, lambda: stage.git(deploy, login))
    stage.way("deploy token, skopeo", made.ref, lambda: stage.registry(login, deploy))
    until = time.time() + 3600
    made, job = directory.issue_token("alice", "job", READ, kind=kind.CI_JOB, expires=until, by=by)
    stage.way("job token, git", made.ref, lambda: stage.git(job, "gitlab-ci-token"))
    app, _ = directory.create_application("ci-bot", "Board", "https://board.example.net/cb", READ)
    granted, access, _ = directory.grant(app.ref, "alice", READ)
    stage.way("OAuth grant, as a bearer", granted.ref, lambda: stage.bearer(access))


def keys(stage: Stage, by: Ref) -> None:
    public = " ".join(stage.house.make_key("laptop").split()[:2])
    made = stage.directory.add_key("alice", "laptop", public, by=by)
    stage.way("SSH key", made.ref, lambda: stage.ssh("laptop"))
    public = " ".join(stage.house.make_key("backup").split()[:2])
    kind = CredentialKind.DEPLOY_KEY
    made = stage.directory.add_key(None, "backup", public, kind=kind, within="demo/hello", writes=True, by=by)
    stage.way("deploy key", made.ref, lambda: stage.ssh("backup"))


def others(stage: Stage, by: Ref) -> None:
    """What no client here can try, and is looked up."""
    directory = stage.directory
    made = [
        directory.add_webhook("demo/hello", "https://hooks.example.net/in", by=by).ref,
        directory.add_githook("demo/hello", "post-receive", "#!/bin/sh\nexit 0\n", by=by).ref,
        directory.register_runner("demo/hello", "spare", by=by)[0].ref,
        directory.add_mirror("demo/hello", "https://git.example.net/copy.git", pushes=True, by=by).ref,
        directory.add_schedule("demo/hello", "alice", "nightly", "17 3 * * *", by=by).ref,
        directory.add_email("alice", "alice.recovery@example.net", by=by).ref,
        directory.link_identity("alice", "elsewhere", "4711", by=by).ref,
        directory.create_application("alice", "Helper", "https://helper.example.net/cb", READ, by=by)[0].ref,
    ]
    for ref in made:
        stage.way(str(ref), ref, lambda ref=ref: stage.lives(ref))  # type: ignore[misc]


def factor(stage: Stage) -> None:
    """An authenticator that the attacker has enrolled, with recovery codes."""
    now, alice = time.time(), stage.directory.account("alice")
    cookie = stage.directory.open_session(alice, now, SITE_LIFETIME, source="203.0.113.66")
    code = pyotp.TOTP(str.__str__(stage.directory.enrol_totp(cookie, now))).now()
    stage.directory.confirm_totp(cookie, code, "a phone", now, source="203.0.113.66")
    for each in stage.directory.factors("alice"):
        stage.way(f"factor {each.kind.value}", each.ref, lambda ref=each.ref: stage.lives(ref))  # type: ignore[misc]


def signs_in(page: Page, forge: Forge) -> None:
    page.goto(f"http://localhost:{forge.port}/users/sign_in")
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password", exact=True).fill(forge.password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()


def signed_in(page: Page, forge: Forge) -> bool:
    page.goto(f"http://localhost:{forge.port}/")
    return page.get_by_text("Signed in as alice").is_visible()


def drawn(stage: Stage) -> dict[str, Any]:
    stage.stockade("plan account alice")
    digest = stage.stockade("plan list --json").json[0]["digest"]
    found: dict[str, Any] = stage.stockade(f"plan show {digest} --json").json
    return found


def test_an_account_is_stolen_shut_and_given_back(stage: Stage, page: Page) -> None:
    forge = stage.house.forge
    signs_in(page, forge)
    assert signed_in(page, forge)
    _, reset = stage.directory.request_reset("alice", time.time()) or (None, Secret(""))
    plant(stage)
    assert stage.open() == set(stage.ways), set(stage.ways) - stage.open()
    assert len(stage.ways) >= 20

    assert "alice" in stage.stockade("review alice --since 1h").out
    plan = drawn(stage)
    targets = {step["target"] for step in plan["steps"]}
    assert {str(ref) for ref in stage.refs.values()} <= targets
    stage.stockade(f"approve {plan['digest']}")
    stage.stockade(f"run {plan['digest']} --secrets-to new")
    wait_until(lambda: not stage.git(forge.password), "alice to be refused", seconds=1)
    assert stage.open() == set()
    assert not signed_in(page, forge)
    signs_in(page, forge)
    assert not signed_in(page, forge)
    with pytest.raises(UnknownCredentials):
        stage.directory.reset_password(str.__str__(reset), "a new password of theirs", time.time())

    refused = forge.terminal("unblock alice")
    assert refused.code == 3, refused.out
    assert "what is missing: verified" in refused.err
    assert stage.stockade(f"verify {plan['digest']}").code == 0
    assert "contained" in stage.stockade("incident show").out

    undone = {step["target"] for step in plan["steps"] if step.get("undo")}
    stage.stockade(f"undo {plan['digest']}")
    back = {name for name, ref in stage.refs.items() if str(ref) in undone}
    assert stage.open() == back
    assert not signed_in(page, forge)
    signs_in(page, forge)
    assert not signed_in(page, forge), "the password was cleared, which cannot be undone"

    stage.stockade("incident report --pdf report.pdf --markdown report.md")
    report = (stage.house.base / "report.md").read_text()
    assert "An account was blocked (alice)" in report
    assert forge.password not in report
    assert stage.stockade("audit verify --key state/audit-signer/key.pub").code == 0


def test_locked_for_two_hours_she_is_refused_at_every_door_within_a_second(stage: Stage, page: Page) -> None:
    plant(stage)
    signs_in(page, stage.house.forge)
    stage.stockade("lock alice --for 2h")
    wait_until(lambda: not stage.ssh("laptop"), "the lock to hold", seconds=1)
    shut = {name for name, ref in stage.refs.items() if ref.kind in {"token", "grant"} or name == "SSH key"}
    assert stage.open().isdisjoint(shut)
    stage.stockade("unlock alice")
    assert stage.open() >= shut
