"""Many threads use one directory, and what may happen once happens once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from stockade.directory import BuiltinDirectory, Level, NameTaken, Scope, UnknownCredentials
from tests.directory.conftest import NOW


def test_one_of_many_gets_the_name(directory: BuiltinDirectory) -> None:
    def create(_: int) -> bool:
        try:
            return bool(directory.create_account("alice"))
        except NameTaken:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(16))) == 1


def test_one_of_many_uses_the_code(directory: BuiltinDirectory) -> None:
    directory.create_account("alice")
    answer = directory.request_reset("alice", NOW)
    assert answer is not None

    def reset(number: int) -> bool:
        try:
            return bool(directory.reset_password(answer[1], f"password {number}", NOW))
        except UnknownCredentials:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(reset, range(16))) == 1


def test_many_may_replace_the_same_thing(directory: BuiltinDirectory) -> None:
    directory.create_account("alice")

    def replace(number: int) -> bool:
        directory.add_member("alice", "group", Level.OWNER if number % 2 else Level.GUEST)
        return directory.request_reset("alice", NOW) is not None

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(replace, range(32)))
    assert len(list(directory.memberships("alice"))) == 1


def test_a_token_is_used_by_many_at_once(directory: BuiltinDirectory) -> None:
    directory.create_account("alice")
    _, plain = directory.issue_token("alice", "laptop", [Scope.API])

    def use(number: int) -> str:
        return directory.authenticate("alice", plain, NOW, source=f"192.0.2.{number % 4}").account.name

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(use, range(64))) == {"alice"}
