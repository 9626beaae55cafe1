"""An account is stolen and given back: real git, ssh, skopeo, a browser and an application, against a forge that is
served.

An attacker leaves behind what attackers do. The plan that the responder draws, approves and runs shuts every way in;
undone, exactly what the plan said comes back; and the gate lets nobody in before its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from stockade.directory import BuiltinDirectory, CredentialKind, Level, Scope
from stockade.directory.sealing import Sealing
from stockade.events import Ref
from tests.cli.terminal import Said, Terminal
from tests.cli.test_serve import served
from tests.gateway.authenticator import STEP, App
from tests.gateway.git_client import GitClient
from tests.gateway.images import Skopeo
from tests.respond.ways import BACK, Clients, SecurityKey
from tests.servers.docker_registry import write_image
from tests.servers.processes import wait_until
from tests.servers.sshd import start_sshd
from tests.ssh.conftest import House

READ = [Scope.READ_REPOSITORY, Scope.READ_REGISTRY]
SITE_LIFETIME = 3600.0
RECOVERY = "alice.recovery@example.net"
KIND = CredentialKind
HOOK = "#!/bin/sh\necho the hook has seen it\n"


@dataclass(frozen=True)
class Way:
    """One way into the account: the kind of credential, the step of a plan that shuts it, and whether it leads in."""

    kind: str
    target: str
    works: Callable[[], bool]
    verb: str = ""

    def undone_by(self, plan: Mapping[str, Any]) -> bool:
        """Whether the plan says that this can be taken back."""
        steps = [each for each in plan["steps"] if each["target"] == self.target and self.verb in {"", each["verb"]}]
        assert steps, f"no step of the plan shuts {self}"
        return any(each.get("undo") for each in steps)


@dataclass
class Stage:
    """The forge that is served, its directory, and every way into it that alice, or whoever has her account, holds:
    those that a client tries, and those that are looked up, for there is no door to try them at.
    """

    house: House
    directory: BuiltinDirectory
    clients: Clients
    tried: dict[str, Way] = field(default_factory=dict)
    looked_up: dict[str, Way] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def stockade(self, line: str, given: str = "") -> Said:
        said = self.house.forge.terminal(line, given=given)
        assert said.code in {0, 1}, said.err
        return said

    @property
    def ways(self) -> dict[str, Way]:
        return self.tried | self.looked_up

    def open(self) -> set[str]:
        """The ways that lead in now."""
        return {name for name, way in self.ways.items() if way.works()}

    def way(self, name: str, ref: Ref, works: Callable[[], bool], *, verb: str = "") -> None:
        kind = name.partition(",")[0]
        self.tried[name] = Way(kind, str(ref), works, verb)

    def hook_runs(self) -> bool:
        """Whether what the attacker has named is run when somebody else pushes."""
        work, name = self.house.base / "bob", f"work-{time.monotonic_ns()}"
        self.house.git.commit(work, name, b"x")
        pushed = self.house.run("bob", "push", "origin", f"HEAD:refs/heads/{name}", cwd=work)
        assert pushed.returncode == 0, pushed.stderr
        return "the hook has seen it" in pushed.stderr

    def lives(self, ref: Ref) -> bool:
        """Whether the directory would let it do anything."""
        found = self.directory.thing(ref)
        return found.revoked is None and found.paused is None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    terminal = Terminal(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "skopeo").mkdir()
    (tmp_path / "programs").mkdir(mode=0o755)
    (tmp_path / "programs" / "seen").write_text(HOOK)
    (tmp_path / "programs" / "seen").chmod(0o755)
    unguarded = (
        f'state = "{tmp_path}/state"\ngit_hooks = "{tmp_path}/programs"\n'
        'preset = "none"\n'  # who fails so often would be banned, and that is not meant
    )
    with served(terminal, text=unguarded) as forge:
        lines = terminal.run("ssh", "config", "--user", "root").out
        in_tmp = lines.replace("AuthorizedKeysCommand /", "AuthorizedKeysCommand /usr/bin/env /")  # sshd trusts no /tmp
        sealing = Sealing.kept_in(tmp_path / "state" / "directory.key")
        url = f"sqlite:///{tmp_path}/state/directory.sqlite3"
        with start_sshd(in_tmp) as sshd, BuiltinDirectory(url, sealing=sealing) as directory:
            house = House(forge, sshd, directory, GitClient(tmp_path), tmp_path)
            clients = Clients(house, Skopeo(tmp_path / "skopeo", forge.port), forge.password)
            yield Stage(house, directory, clients)


# ── what alice holds, and what somebody who has her account leaves behind ────────────────────────


def tokens(stage: Stage, by: Ref) -> None:
    directory, clients = stage.directory, stage.clients
    image = stage.house.base / "image"
    write_image(image)
    assert clients.skopeo.login("alice", clients.password).returncode == 0
    assert clients.skopeo.push(image, "demo/hello/app:v1").returncode == 0
    for name, more in {
        "project token": {"kind": KIND.PROJECT, "within": "demo/hello"},
        "group token": {"kind": KIND.GROUP, "within": "demo"},
        "impersonation token": {"kind": KIND.IMPERSONATION},
        "trigger token": {"kind": KIND.TRIGGER, "within": "demo/hello"},
        "registration token": {"kind": KIND.REGISTRATION},
    }.items():
        made, plain = directory.issue_token("alice", name, READ, by=by, **more)  # type: ignore[arg-type]
        stage.way(name, made.ref, lambda plain=plain: clients.basic(plain))  # type: ignore[misc]
    made, mine = directory.issue_token("alice", "mine", READ, by=by)
    stage.way("personal token, git", made.ref, lambda: clients.git(mine))
    stage.way("personal token, skopeo", made.ref, lambda: clients.registry("alice", mine))
    stage.way("personal token, API", made.ref, lambda: clients.bearer(mine))
    made, deploy = directory.issue_token("alice", "d", READ, kind=KIND.DEPLOY, within="demo/hello", by=by)
    login = str(made.username)
    stage.way("deploy token, git", made.ref, lambda: clients.git(deploy, login))
    stage.way("deploy token, skopeo", made.ref, lambda: clients.registry(login, deploy))
    made, job = directory.issue_token("alice", "job", READ, kind=KIND.CI_JOB, expires=time.time() + 3600, by=by)
    stage.way("job token, git", made.ref, lambda: clients.git(job, "gitlab-ci-token"))


def keys(stage: Stage, by: Ref) -> None:
    public = " ".join(stage.house.make_key("laptop").split()[:2])
    made = stage.directory.add_key("alice", "laptop", public, by=by)
    stage.way("SSH key", made.ref, lambda: stage.clients.ssh("laptop"))
    public = " ".join(stage.house.make_key("backup").split()[:2])
    made = stage.directory.add_key(
        None, "backup", public, kind=KIND.DEPLOY_KEY, within="demo/hello", writes=True, by=by
    )
    stage.way("deploy key", made.ref, lambda: stage.clients.ssh("backup"))


def without_a_door(stage: Stage, by: Ref) -> None:
    """What there is no door to try at, and what acts by itself: both are looked up."""
    directory = stage.directory
    directory.create_account("bob")
    directory.add_member("bob", "demo/hello", Level.DEVELOPER)
    stage.house.add_key("bob", "bob")
    assert stage.house.run("bob", "clone", "-q", stage.house.url, "bob").returncode == 0
    made = [
        directory.add_webhook("demo/hello", "https://hooks.example.net/in", by=by).ref,
        directory.register_runner("demo/hello", "spare", by=by)[0].ref,
        directory.add_mirror("demo/hello", "https://git.example.net/copy.git", pushes=True, by=by).ref,
        directory.add_schedule("demo/hello", "alice", "nightly", "17 3 * * *", by=by).ref,
        directory.link_identity("alice", "elsewhere", "4711", by=by).ref,
    ]
    hook = directory.add_githook("demo/hello", "post-receive", HOOK, by=by)
    stage.way("Git hook, at a push of somebody else", hook.ref, stage.hook_runs)
    for ref in made:
        works: Callable[[], bool] = lambda ref=ref: stage.lives(ref)  # type: ignore[misc]  # noqa: E731
        stage.looked_up[str(ref)] = Way(ref.kind, str(ref), works)


def passwords(stage: Stage, alice: Ref) -> None:
    """Her password, a code for a new one, and an address of theirs to have another sent to."""
    clients, got = stage.clients, stage.tokens
    made = stage.directory.add_email("alice", RECOVERY, by=alice)
    stage.directory.confirm_email(made.ref, by=alice)
    got["reset"] = clients.mailed("alice@example.org")
    stage.way("password", alice, clients.by_password, verb="password.reset")
    stage.way("reset code", alice, lambda: clients.resets(got["reset"]), verb="password.reset")

    def mailed() -> bool:
        got["mailed"] = clients.mailed(RECOVERY)  # and no earlier code works any more
        return bool(got["mailed"])

    stage.way("further e-mail address", made.ref, mailed)


def factors(stage: Stage, key: SecurityKey) -> None:
    """A security key that they enrolled in her browser, an app beside it, and codes for when both are lost."""
    clients, directory, now = stage.clients, stage.directory, time.time()
    key.signs_in()
    clients.codes = key.enrolled()
    cookie = key.cookie.partition("=")[2]
    clients.app = App(str.__str__(directory.enrol_totp(cookie, now)))
    directory.confirm_totp(cookie, clients.app.of(int(now // STEP) - 1), "a phone", now)
    ref = {each.kind: each.ref for each in directory.factors("alice")}
    stage.way("security key", ref[KIND.WEBAUTHN], key.works)
    stage.way("authenticator app", ref[KIND.TOTP], clients.by_app)
    stage.way("recovery code", ref[KIND.RECOVERY], clients.by_recovery_code)


def applications(stage: Stage, alice: Ref, cookie: str) -> None:
    """An application that she has let in, with all that it got for that, and one that they made in her name."""
    clients, directory, got = stage.clients, stage.directory, stage.tokens
    made, secret = directory.create_application("ci-bot", "Board", BACK, READ)
    board = str(made.username), str.__str__(secret)
    helper, secret = directory.create_application("alice", "Helper", BACK, READ, by=alice)
    theirs = str(helper.username), str.__str__(secret)
    got.update(clients.redeemed(board, clients.consented(cookie, board[0])))
    grant = directory.whose(got["access_token"]).ref

    def refreshed() -> bool:
        answer = clients.token(board, grant_type="refresh_token", refresh_token=got["refresh_token"])
        got.update({} if "error" in answer else answer)
        return "error" not in answer

    stage.way("OAuth access token", grant, lambda: clients.bearer(got["access_token"]))
    stage.way("OAuth refresh token", grant, refreshed)
    stage.way("application secret", helper.ref, lambda: clients.known(theirs))
    got["client"], got["secret"] = board


# ── the story ────────────────────────────────────────────────────────────────────────────────────


def locked_for_a_night(stage: Stage) -> None:
    """At three in the morning one word shuts it all for two hours, and gives it all back."""
    shut = {name for name, way in stage.tried.items() if "token/" in way.target} | {"SSH key"}
    stage.stockade("lock alice --for 2h")
    wait_until(lambda: not stage.clients.ssh("laptop"), "the lock to hold")
    assert {name for name in shut if stage.tried[name].works()} == set()
    stage.stockade("unlock alice")


def drawn(stage: Stage) -> dict[str, Any]:
    stage.stockade("plan account alice")
    digest = stage.stockade("plan list --json").json[0]["digest"]
    found: dict[str, Any] = stage.stockade(f"plan show {digest} --json").json
    return found


def test_an_account_is_stolen_shut_and_given_back(stage: Stage, page: Page) -> None:
    clients, directory = stage.clients, stage.directory
    alice, key = directory.account("alice").ref, SecurityKey(page, clients)
    for leave in (tokens, keys, without_a_door):
        leave(stage, alice)
    locked_for_a_night(stage)
    passwords(stage, alice)
    factors(stage, key)
    cookie = key.cookie
    stage.way("session", alice, lambda: clients.session(cookie), verb="session.end")
    applications(stage, alice, cookie)
    assert stage.open() == set(stage.ways)
    kinds = {way.kind for way in stage.tried.values()} | {"authorisation code"}
    assert len(kinds) >= 20, kinds
    stage.tokens["reset"] = stage.tokens["mailed"]
    board = stage.tokens["client"], stage.tokens["secret"]

    assert "alice" in stage.stockade("review alice --since 1h").out
    plan = drawn(stage)
    back = {name for name, way in stage.ways.items() if way.undone_by(plan)}
    assert set(stage.ways) - back == {"password", "reset code", "session"}
    stage.stockade(f"approve {plan['digest']}")
    code = clients.consented(cookie, board[0])
    stage.stockade(f"run {plan['digest']} --secrets-to new")
    wait_until(lambda: not clients.by_password(), "alice to be refused")
    assert clients.redeemed(board, code)["error"] == "invalid_grant"
    assert stage.open() == set()

    refused = stage.house.forge.terminal("unblock alice")
    assert refused.code == 3, refused.out
    assert "what is missing: verified" in refused.err
    assert stage.stockade(f"verify {plan['digest']}").code == 0
    assert "contained" in stage.stockade("incident show").out

    refused = stage.house.forge.terminal(f"undo {plan['digest']}")
    assert "what is missing: new" in refused.err, "she had let an application in when the plan was drawn already"
    stage.stockade(f"waive {plan['digest']} new --reason refused-with-the-account")
    stage.stockade(f"undo {plan['digest']}")
    for name in ("password", "reset code", "session"):
        assert not stage.tried[name].works(), f"{name}: was cleared, which cannot be undone"
    clients.password = "a new password that she has chosen"
    directory.set_password("alice", clients.password)
    assert stage.open() - {"password"} == back

    stage.stockade("incident report --pdf report.pdf --markdown report.md")
    report = (stage.house.base / "report.md").read_text()
    assert "An account was blocked (alice)" in report
    assert stage.house.forge.password not in report
    assert stage.stockade("audit verify --key state/audit-signer/key.pub").code == 0
