"""Real git over real sshd: who holds a key that the directory knows may do what its account may, and nothing else."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from stockade.directory import Credential, Level
from stockade.securitylog import read_back
from tests.servers.processes import wait_until
from tests.ssh.conftest import House


def person(
    house: House, name: str, level: Level | None = Level.DEVELOPER, *, expires: float | None = None
) -> Credential:
    """An account with a key of its own name."""
    house.directory.create_account(name)
    if level is not None:
        house.directory.add_member(name, "demo/hello", level)
    return house.add_key(name, name, expires=expires)


def clone(house: House, key: str, into: str, *options: str) -> str:
    """Clone, and what Git said on the side; fails unless it worked."""
    done = house.run(key, *options, "clone", house.url, into)
    assert done.returncode == 0, done.stderr
    return done.stderr


def refused(house: House, key: str) -> str:
    done = house.run(key, "ls-remote", house.url)
    assert done.returncode != 0
    return done.stderr


def cut_off(going: subprocess.Popen[bytes], shut_out: Callable[[], object]) -> str:
    """What a client is told that waits for more, once it is shut out."""
    with going:
        assert going.stdout is not None
        assert going.stderr is not None
        assert going.stdout.read(4) != b""  # Git has begun to answer
        shut_out()
        assert going.wait(timeout=60) != 0
        return going.stderr.read().decode()


def test_clone_commit_push_and_see_it_on_record(house: House) -> None:
    name = "developer"
    key = person(house, name)
    clone(house, name, name)
    work = house.base / name
    house.git.commit(work, "large", b"x" * 300_000)
    pushed = house.run(name, "push", "origin", "HEAD:main", cwd=work)
    assert pushed.returncode == 0, pushed.stderr
    search = partial(house.forge.terminal.run, "search", "actor:developer", "--json")
    wait_until(lambda: "repository.write" in search().out, "the push on record")
    assert "authentication.success" in search().out
    head = house.git.must("rev-parse", "HEAD", cwd=work).strip()

    def told() -> list[dict[str, Any]]:
        return [
            dict(entry) for entry in read_back(house.base / "state" / "security.log") if entry.get("meta.user") == name
        ]

    wait_until(lambda: len(told()) == 4, "all of it in the security log")
    entries = told()
    assert [entry["action"] for entry in entries] == [
        "authentication.success",
        "repository.read",
        "authentication.success",
        "repository.write",
    ]
    assert {entry["credential"] for entry in entries} == {str(key.ref)}
    assert {entry["remote_ip"] for entry in entries} == {"127.0.0.1"}
    assert head in str(entries[-1]["references"])
    used = house.directory.credential(key.ref)
    assert used.last_used is not None
    assert time.time() - used.last_used < 600
    assert used.last_address == "127.0.0.1"


def test_a_reader_may_not_write_and_a_stranger_sees_nothing(house: House) -> None:
    person(house, "reader", Level.REPORTER)
    person(house, "stranger", None)
    clone(house, "reader", "reader")
    house.git.commit(house.base / "reader", "mine", b"x")
    pushed = house.run("reader", "push", "origin", "HEAD:main", cwd=house.base / "reader")
    assert pushed.returncode != 0
    assert "You may read this repository, not write to it." in pushed.stderr
    assert "There is no such repository." in refused(house, "stranger")


def test_a_deploy_key_opens_its_project_and_no_other(house: House) -> None:
    house.directory.create_repository("demo/other")
    house.add_key("robot", None, within="demo/hello")
    house.add_key("elsewhere", None, within="demo/other")
    clone(house, "robot", "robot")
    house.git.commit(house.base / "robot", "mine", b"x")
    pushed = house.run("robot", "push", "origin", "HEAD:robot", cwd=house.base / "robot")
    assert "You may read this repository, not write to it." in pushed.stderr
    assert "There is no such repository." in refused(house, "elsewhere")
    house.add_key("writer", None, within="demo/hello", writes=True)
    pushed = house.run("writer", "push", "origin", "HEAD:robot", cwd=house.base / "robot")
    assert pushed.returncode == 0, pushed.stderr


def test_a_key_is_refused_from_the_moment_it_is_revoked(house: House) -> None:
    key = person(house, "leaver")
    assert house.run("leaver", "ls-remote", house.url).returncode == 0
    house.directory.revoke(key.ref)
    assert "Permission denied (publickey)" in refused(house, "leaver")


def test_an_account_is_refused_as_soon_as_it_is_shut_out_and_let_in_again(house: House) -> None:
    person(house, "suspect")
    directory, until = house.directory, time.time() + 7200
    shut: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
        "The account suspect is blocked.": (directory.block, directory.unblock),
        "The account suspect is locked until": (lambda name: directory.lock(name, until), directory.unlock),
        "The account suspect is no longer in use.": (directory.depart, lambda name: directory.depart(name, back=True)),
        "must have a second factor: sign in with a browser and add one at /users/two_factor": (
            directory.require_factor,
            lambda name: directory.require_factor(name, waive=True),
        ),
    }
    for message, (shut_out, let_in) in shut.items():
        shut_out("suspect")
        assert message in refused(house, "suspect")
        let_in("suspect")
    assert house.run("suspect", "-c", "protocol.version=0", "ls-remote", house.url).returncode == 0


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_who_is_shut_out_is_cut_off_in_the_middle(house: House, service: str) -> None:
    name = f"half-{service}"
    person(house, name)
    going = house.start(name, f"{service} 'demo/hello.git'")
    said = cut_off(going, lambda: house.directory.block(name))
    assert f"Stockade: The account {name} is blocked." in said

    def on_record() -> bool:
        entries = list(read_back(house.base / "state" / "security.log"))
        return any(entry.get("meta.user") == name and "is blocked" in str(entry.get("reason")) for entry in entries)

    wait_until(on_record, "the record")


def test_a_banned_account_is_refused_here_too(house: House) -> None:
    person(house, "banned")
    assert house.forge.terminal.run("ban", "user:banned").code == 0
    assert "This account or this address is banned." in refused(house, "banned")
    assert house.forge.terminal.run("unban", "user:banned").code == 0
    assert house.run("banned", "ls-remote", house.url).returncode == 0


def test_keys_that_expired_or_that_nobody_knows_are_not_let_in(house: House) -> None:
    person(house, "expired", expires=time.time() - 1)
    house.make_key("unknown")
    for key in ("expired", "unknown"):
        assert "Permission denied (publickey)" in refused(house, key)


def test_there_is_no_shell_and_nothing_but_git(house: House) -> None:
    person(house, "curious")
    welcome = house.ssh("curious")
    assert welcome.returncode == 1
    assert "Welcome, curious. There is no shell here, only Git." in welcome.stderr
    done = house.ssh("curious", "git-upload-pack 'demo/hello.git'; id")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Stockade: Only Git is served here" in done.stderr
    forwarded = house.ssh("curious", "-L", "0:127.0.0.1:1")
    assert forwarded.returncode != 0


def test_a_key_lets_nobody_into_another_unix_account(house: House) -> None:
    person(house, "single")
    kind, public = (house.base / "keys" / "single.pub").read_text().split()[:2]
    assert house.asks("root", kind, public).startswith('restrict,command="')
    for user, key in (("nobody", public), ("root", "AAAA"), ("root", "=")):
        assert house.asks(user, kind, key) == ""


def test_without_a_server_each_connection_finds_out_by_itself(house: House) -> None:
    key = person(house, "patient")
    kind, public = (house.base / "keys" / "patient.pub").read_text().split()[:2]
    line = house.asks("root", kind, public, alone=True)
    assert line.strip() == house.asks("root", kind, public).strip()
    going = house.serves_alone(key, "git-upload-pack 'demo/hello.git'")
    said = cut_off(going, lambda: house.directory.lock("patient", time.time() + 7200))
    assert "Stockade: The account patient is locked until" in said
