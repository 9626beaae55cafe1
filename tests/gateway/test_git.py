"""Real Git against the gateway: what is served, what is refused, and what counts as a failure."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import httpx2
import pytest

from stockade.directory import Level, Visibility
from tests.gateway.conftest import MAXRETRY, Forge
from tests.gateway.git_client import GitClient
from tests.servers.processes import wait_until


def clone(git: GitClient, forge: Forge, base: str, name: str) -> subprocess.CompletedProcess[str]:
    return git.run("clone", "-q", f"{base}/{forge.repository}", name)


def test_a_member_clones_commits_and_pushes(forge: Forge, git: GitClient) -> None:
    assert clone(git, forge, forge.alice, "work").returncode == 0
    work = git.directory / "work"
    git.commit(work, "small", b"hello\n")
    git.must("push", "-q", "origin", "main", cwd=work)
    assert clone(git, forge, forge.alice, "again").returncode == 0
    assert (git.directory / "again/small").read_bytes() == b"hello\n"


def test_five_megabytes_are_pushed_in_chunks_and_come_back_unchanged(forge: Forge, git: GitClient) -> None:
    clone(git, forge, forge.alice, "work")
    work, content = git.directory / "work", os.urandom(5_000_000)
    git.commit(work, "big", content)
    git.must("push", "-q", "origin", "main", cwd=work)
    clone(git, forge, forge.alice, "again")
    assert (git.directory / "again/big").read_bytes() == content


def test_a_fetch_that_negotiates_at_length_sends_its_question_compressed(forge: Forge, git: GitClient) -> None:
    clone(git, forge, forge.alice, "ours")
    clone(git, forge, forge.alice, "theirs")
    ours, theirs = git.directory / "ours", git.directory / "theirs"
    for number in range(60):  # a second apart, for git tells the latest first, and would soon tell one that both have
        when = f"@{2_000_000_000 + number} +0000"
        git.must("commit", "-q", "--allow-empty", "-m", f"ours {number}", cwd=ours, GIT_COMMITTER_DATE=when)
    git.commit(theirs, "theirs", b"theirs\n")
    git.must("push", "-q", "origin", "main", cwd=theirs)
    talk = git.run("-c", "protocol.version=0", "fetch", cwd=ours, GIT_CURL_VERBOSE="1")
    assert talk.returncode == 0, talk.stderr
    assert "Content-Encoding: gzip" in talk.stderr
    assert git.must("log", "-1", "--format=%s", "origin/main", cwd=ours).strip() == "Add theirs"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_is_spoken(forge: Forge, git: GitClient, version: str) -> None:
    heads = git.must("-c", f"protocol.version={version}", "ls-remote", f"{forge.alice}/{forge.repository}")
    assert "refs/heads/main" in heads


def test_a_token_works_in_place_of_the_password(forge: Forge, git: GitClient) -> None:
    base = forge.at.with_credentials("ci-bot", forge.made.token_plain)
    assert clone(git, forge, base, "work").returncode == 0


def test_a_wrong_password_is_refused_again_and_again_and_then_the_address_is_banned(
    forge: Forge, git: GitClient
) -> None:
    for _ in range(MAXRETRY):
        failed = clone(git, forge, forge.mallory, "work")
        assert failed.returncode == 128
        assert "Authentication failed" in failed.stderr
    banned = clone(git, forge, forge.alice, "work")
    assert banned.returncode == 128
    assert "403" in banned.stderr
    assert "remote: Too many failed attempts" in banned.stderr
    [ban] = forge.guard.bans()
    assert (ban.client, ban.rule) == ("127.0.0.1", "Git and registry")
    forge.guard.unban("127.0.0.1")
    assert clone(git, forge, forge.alice, "work").returncode == 0


def test_a_success_clears_the_count(forge: Forge, git: GitClient) -> None:
    for _ in range(MAXRETRY - 1):
        clone(git, forge, forge.mallory, "work")
    assert clone(git, forge, forge.alice, "first").returncode == 0
    for _ in range(MAXRETRY - 1):
        clone(git, forge, forge.mallory, "work")
    assert clone(git, forge, forge.alice, "second").returncode == 0


def test_asking_without_credentials_never_counts(forge: Forge, git: GitClient) -> None:
    for _ in range(3 * MAXRETRY):
        assert httpx2.get(f"{forge.at.url}/{forge.repository}/info/refs?service=git-upload-pack").status_code == 401
    assert clone(git, forge, forge.alice, "work").returncode == 0


def test_the_login_of_ci_jobs_is_exempt(forge: Forge, git: GitClient) -> None:
    base = forge.at.with_credentials("gitlab-ci-token", "guessed")
    for _ in range(2 * MAXRETRY):
        assert "Authentication failed" in clone(git, forge, base, "work").stderr
    assert clone(git, forge, forge.alice, "work").returncode == 0


def test_a_blocked_user_is_refused_at_once(forge: Forge, git: GitClient) -> None:
    assert clone(git, forge, forge.alice, "before").returncode == 0
    forge.directory.block("alice")
    refused = clone(git, forge, forge.alice, "after")
    assert refused.returncode == 128
    assert "remote: The account alice is blocked." in refused.stderr


def test_a_banned_user_and_a_banned_token_are_refused_from_anywhere(forge: Forge, git: GitClient) -> None:
    forge.guard.ban("user:alice")
    assert "403" in clone(git, forge, forge.alice, "work").stderr
    base = forge.at.with_credentials("ci-bot", forge.made.token_plain)
    assert clone(git, forge, base, "bot").returncode == 0
    forge.guard.ban(f"token:{forge.made.token.id}")
    assert "403" in clone(git, forge, base, "bot-again").stderr


def test_a_reader_may_not_push_and_a_stranger_learns_nothing(forge: Forge, git: GitClient) -> None:
    for name in ("reader", "stranger"):
        forge.directory.create_account(name, password="correct horse")
    forge.directory.add_member("reader", "demo/hello", Level.REPORTER)
    assert clone(git, forge, forge.at.with_credentials("reader", "correct%20horse"), "read").returncode == 0
    git.commit(git.directory / "read", "file", b"text\n")
    assert "403" in git.run("push", "origin", "main", cwd=git.directory / "read").stderr
    hidden = clone(git, forge, forge.at.with_credentials("stranger", "correct%20horse"), "nothing").stderr
    missing = git.run("clone", forge.alice + "/demo/no-such-thing.git").stderr
    assert "not found" in hidden
    assert "not found" in missing


def test_a_public_repository_is_read_by_everybody_and_written_by_members(forge: Forge, git: GitClient) -> None:
    forge.directory.create_repository("demo/open", Visibility.PUBLIC)
    bare = forge.state / "repositories/demo/open.git"
    git.must("init", "-q", "--bare", str(bare))
    assert git.run("clone", f"{forge.at.url}/demo/open.git").returncode == 0
    wrong = git.run("clone", f"{forge.mallory}/demo/open.git", "wrong")
    assert wrong.returncode == 0, "Git shows no credentials to who does not ask for them"
    git.commit(git.directory / "open", "file", b"text\n")
    assert "could not read Username" in git.run("push", "origin", "HEAD", cwd=git.directory / "open").stderr


@pytest.mark.parametrize(
    "path",
    [
        "/demo/../../secrets.git/info/refs",
        "/demo/hello.git/objects/info/packs",
        "/demo/hello.git/HEAD",
        "/demo/hello.git/config",
        "/%2e%2e/%2e%2e/etc/info/refs",
        "/demo%2fhello.git/info/refs/..%2f..%2fconfig",
    ],
)
def test_nothing_is_served_but_what_git_asks_for(forge: Forge, path: str) -> None:
    with socket.create_connection(("127.0.0.1", forge.at.port)) as connection:
        connection.sendall(
            f"GET {path}?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        answer = connection.recv(65536)
    assert answer.split(b" ")[1] in {b"401", b"404"}


def test_a_banned_client_uploads_nothing(forge: Forge) -> None:
    forge.guard.ban("127.0.0.1")
    with socket.create_connection(("127.0.0.1", forge.at.port)) as connection:
        connection.sendall(
            b"POST /demo/hello.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"text/plain" in answer
    assert b"100 Continue" not in answer


def test_a_push_that_expects_a_word_gets_it_after_it_was_judged(forge: Forge) -> None:
    name_and_password = httpx2.BasicAuth("alice", forge.made.password)
    request = httpx2.Request("GET", "http://x/")
    authorization = next(name_and_password.auth_flow(request)).headers["authorization"]
    with socket.create_connection(("127.0.0.1", forge.at.port)) as connection:
        connection.settimeout(30)
        connection.sendall(
            b"POST /demo/hello.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\n"
            b"Authorization: " + authorization.encode() + b"\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"0000")
        while piece := connection.recv(65536):
            answer += piece
    assert b"HTTP/1.1 200 OK\r\n" in answer
    assert answer.endswith(b"0\r\n\r\n")


def test_who_goes_away_takes_the_program_along(forge: Forge) -> None:
    request = httpx2.Request("GET", "http://x/")
    authorization = next(httpx2.BasicAuth("alice", forge.made.password).auth_flow(request)).headers["authorization"]
    with socket.create_connection(("127.0.0.1", forge.at.port)) as connection:
        connection.sendall(
            b"POST /demo/hello.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/x-git-receive-pack-request\r\n"
            b"Authorization: " + authorization.encode() + b"\r\n\r\n4\r\n00a4\r\n"
        )
        wait_until(lambda: backends(forge.state) != [], "the program to start")
    wait_until(lambda: backends(forge.state) == [], "the program to end")


def backends(state: Path) -> list[int]:
    """The processes of git http-backend that serve this state."""
    wanted = f"GIT_PROJECT_ROOT={state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes() and b"git" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
