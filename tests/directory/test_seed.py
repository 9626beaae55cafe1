"""The demonstration's people can do what the demonstration shows."""

from __future__ import annotations

import pytest

from stockade.directory import BuiltinDirectory, NameTaken
from stockade.directory.seed import demo
from tests.directory.conftest import NOW


def test_alice_and_the_bot_can_push_and_a_stranger_can_do_nothing(directory: BuiltinDirectory) -> None:
    made = demo(directory)
    for found in (
        directory.authenticate("alice", made.password, NOW),
        directory.authenticate("ci-bot", made.token_plain, NOW),
    ):
        assert directory.allowed(found, "demo/hello.git") == {"read", "write"}
        assert directory.allowed(found, "demo/hello", "registry") == {"read", "write"}
    assert directory.allowed(None, "demo/hello") == frozenset()


def test_a_directory_is_seeded_once(directory: BuiltinDirectory) -> None:
    first = demo(directory)
    with pytest.raises(NameTaken):
        demo(directory)
    assert directory.authenticate("alice", first.password, NOW).account == first.alice
    assert [account.name for account in directory.accounts()] == ["alice", "ci-bot"]
