"""Two gateways on one PostgreSQL: what one is told, both enforce at the very next request, at every door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import update

from stockade.directory import BuiltinDirectory, CredentialKind, Scope, Secret
from stockade.directory.builtin.schema import tokens
from stockade.directory.sealing import Sealing
from stockade.gateway import registry_process
from stockade.gateway.app import build
from stockade.gateway.demo import prepare
from stockade.gateway.identity import identify
from stockade.gateway.site import Site
from stockade.guard.gate import Guard
from tests.gateway.conftest import quick_passwords
from tests.gateway.running import Running, serving

REFS = "/demo/hello.git/info/refs?service=git-upload-pack"
JWT = "/jwt/auth?service=stockade-registry&scope=repository:demo/hello/app:pull"
READ = [Scope.READ_REPOSITORY, Scope.READ_REGISTRY]
Change = Callable[[BuiltinDirectory], object]


@dataclass(frozen=True)
class Nodes:
    """The gateways, a directory as each has it, and what alice holds."""

    at: list[Running]
    directories: list[BuiltinDirectory]
    password: str

    def answers(self, ask: Callable[[str], httpx2.Response]) -> list[int]:
        return [ask(node.url).status_code for node in self.at]

    def with_token(self, plain: Secret, login: str = "alice") -> list[int]:
        """How both nodes answer a token: Git by name and token, Git by the token alone, and the registry's service."""
        by_name = self.answers(lambda url: httpx2.get(url + REFS, auth=(login, plain)))
        bearer = {"authorization": f"Bearer {plain}"}
        alone = self.answers(lambda url: httpx2.get(url + REFS, headers=bearer))
        return [*by_name, *alone, *self.answers(lambda url: httpx2.get(url + JWT, auth=(login, plain)))]

    def with_password(self) -> list[int]:
        return self.answers(lambda url: httpx2.get(url + REFS, auth=("alice", self.password)))

    def with_pass(self, held: str) -> list[int]:
        """How both nodes answer a token of the registry's own, got before."""
        headers = {"authorization": f"Bearer {held}"}
        return self.answers(lambda url: httpx2.get(f"{url}/v2/demo/hello/app/tags/list", headers=headers))

    def registry_pass(self, plain: Secret, login: str = "alice") -> str:
        return str(httpx2.get(self.at[0].url + JWT, auth=(login, plain)).json()["token"])

    def signed_in(self, cookie: Secret) -> list[bool]:
        cookies = {"stockade_session": str(cookie)}
        return ["Signed in as" in httpx2.get(node.url, cookies=cookies).text for node in self.at]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Started once: every test leaves alice as it found her."""
    state = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        url = stack.enter_context(request.getfixturevalue("postgres").database())
        directories = [
            stack.enter_context(BuiltinDirectory(url, passwords=quick_passwords(), sealing=Sealing(bytes(32))))
            for _ in range(2)
        ]
        directories[0].migrate()
        demo = prepare(state, directories[0])
        assert demo.made is not None
        images = stack.enter_context(registry_process.running(state))
        sites = [Site(Guard(identify=identify), each, demo.repositories, images) for each in directories]
        at = [stack.enter_context(serving(build(site))) for site in sites]
        yield Nodes(at, directories, demo.made.password)


def blocked(directory: BuiltinDirectory) -> None:
    directory.block("alice")


def locked(directory: BuiltinDirectory) -> None:
    directory.lock("alice", time.time() + 3600)


def departed(directory: BuiltinDirectory) -> None:
    directory.depart("alice")


def overdue(directory: BuiltinDirectory) -> None:
    directory.require_two_factor("demo", 0.0)


def let_in_again(directory: BuiltinDirectory) -> None:
    directory.unblock("alice")
    directory.unlock("alice")
    directory.depart("alice", back=True)
    directory.lift_two_factor("demo")
    directory.require_factor("alice", waive=True)


@pytest.mark.parametrize("change", [blocked, locked, departed, overdue])
def test_an_account_that_may_not_be_used_is_refused_at_every_door_of_every_node(nodes: Nodes, change: Change) -> None:
    one, other = nodes.directories
    _, plain = one.issue_token("alice", "laptop", READ)
    held = nodes.registry_pass(plain)
    cookie = one.open_session(one.account("alice"), time.time(), 3600)
    assert set(nodes.with_token(plain)) == set(nodes.with_password()) == {200}
    assert set(nodes.with_pass(held)) == {404}, "let in: there is only no such image yet"
    assert nodes.signed_in(cookie) == [True, True]
    change(one)
    try:
        assert set(nodes.with_token(plain)) == set(nodes.with_password()) == set(nodes.with_pass(held)) == {403}
        assert nodes.signed_in(cookie) == [False, False]
    finally:
        let_in_again(other)
    assert set(nodes.with_token(plain)) == set(nodes.with_password()) == {200}
    assert set(nodes.with_pass(held)) == {404}


def test_a_browser_opens_nothing_but_the_page_that_adds_a_factor(nodes: Nodes) -> None:
    one = nodes.directories[0]
    cookie = one.open_session(one.account("alice"), time.time(), 3600)
    overdue(one)
    try:
        for node in nodes.at:
            home = httpx2.get(node.url, cookies={"stockade_session": cookie})
            assert (home.status_code, home.headers["location"]) == (303, "/users/two_factor")
            refs = httpx2.get(node.url + REFS, cookies={"stockade_session": cookie})
            assert (refs.status_code, "must have a second factor" in refs.text) == (403, True)
    finally:
        let_in_again(one)


@pytest.mark.parametrize(
    ("kind", "within"),
    [
        (CredentialKind.PERSONAL, None),
        (CredentialKind.IMPERSONATION, None),
        (CredentialKind.PROJECT, "demo/hello"),
        (CredentialKind.GROUP, "demo"),
        (CredentialKind.DEPLOY, "demo/hello"),
        (CredentialKind.CI_JOB, "demo/hello"),
    ],
)
def test_a_token_of_every_kind_opens_every_node_and_none_once_it_is_revoked(
    nodes: Nodes, kind: CredentialKind, within: str | None
) -> None:
    one, other = nodes.directories
    expires = time.time() + 3600
    token, plain = one.issue_token("alice", "of a kind", READ, kind=kind, within=within, expires=expires)
    login = "ci-token" if kind is CredentialKind.CI_JOB else token.username or "alice"
    held = nodes.registry_pass(plain, login)
    assert set(nodes.with_token(plain, login)) == {200}
    assert set(nodes.with_pass(held)) == {404}
    other.revoke(token.ref)
    assert set(nodes.with_token(plain, login)) == {401}
    assert set(nodes.with_pass(held)) == {403}


def test_what_an_application_was_granted_opens_every_node_until_it_is_taken_back(nodes: Nodes) -> None:
    one, other = nodes.directories
    application, _ = one.create_application("alice", "Board", "https://board.example.org/done", READ)
    grant, access, _ = one.grant(application.ref, "alice", READ)
    bearer = {"authorization": f"Bearer {access}"}

    def ask(url: str) -> httpx2.Response:
        return httpx2.get(url + REFS, headers=bearer)

    held = str(httpx2.get(nodes.at[0].url + JWT, headers=bearer).json()["token"])
    assert (nodes.answers(ask), nodes.with_pass(held)) == ([200, 200], [404, 404])
    other.revoke(grant.ref)
    assert (nodes.answers(ask), nodes.with_pass(held)) == ([401, 401], [403, 403])


def test_a_token_that_expires_is_refused_and_so_is_the_pass_got_with_it(nodes: Nodes) -> None:
    one = nodes.directories[0]
    token, plain = one.issue_token("alice", "short", READ)
    held = nodes.registry_pass(plain)
    with one._database.writing() as sql:
        sql.execute(update(tokens).where(tokens.c.id == token.id).values(expires=time.time() - 1))
    assert set(nodes.with_token(plain)) == {401}
    assert set(nodes.with_pass(held)) == {403}


def test_a_token_reaches_no_further_than_its_place(nodes: Nodes) -> None:
    one = nodes.directories[0]
    _, elsewhere = one.issue_token("alice", "elsewhere", READ, kind=CredentialKind.PROJECT, within="demo/other")
    assert nodes.answers(lambda url: httpx2.get(url + REFS, auth=("alice", elsewhere))) == [404, 404]


@pytest.mark.parametrize("kind", [CredentialKind.TRIGGER, CredentialKind.REGISTRATION])
def test_tokens_that_open_no_repository_open_none(nodes: Nodes, kind: CredentialKind) -> None:
    within = "demo/hello" if kind is CredentialKind.TRIGGER else None
    _, plain = nodes.directories[0].issue_token("alice", "build", [], kind=kind, within=within)
    assert set(nodes.with_token(plain)) == {401}


def test_sessions_that_are_ended_are_over_on_every_node(nodes: Nodes) -> None:
    one, other = nodes.directories
    cookie = one.open_session(one.account("alice"), time.time(), 3600)
    assert nodes.signed_in(cookie) == [True, True]
    other.close_sessions(other.account("alice"))
    assert nodes.signed_in(cookie) == [False, False]
