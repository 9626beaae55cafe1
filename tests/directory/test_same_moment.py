"""What is made in the moment in which an account is shut out is seen by who shuts it out, and does not outlive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread

import pyotp
import pytest

from stockade.directory import BuiltinDirectory, Scope
from stockade.directory.sealing import Sealing
from stockade.errors import StockadeError
from stockade.events import Event
from tests.directory.conftest import NOW, Stage

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1DE0oTUqNKSdxn0I/UpnVoUvOckvL5xwsk1CGfv3YF"
BRIEFLY = 0.25
"""Seconds that the one who makes something takes over it."""
Make = Callable[[BuiltinDirectory], object]


def token(directory: BuiltinDirectory) -> object:
    return directory.issue_token("alice", "in the same moment", [Scope.API])


def key(directory: BuiltinDirectory) -> object:
    return directory.add_key("alice", "in the same moment", KEY)


def grant(directory: BuiltinDirectory) -> object:
    made, _ = directory.create_application(None, "Board", "https://board.example/", [Scope.API])
    return directory.grant(made.ref, "alice", [Scope.API])


def factor(directory: BuiltinDirectory) -> object:
    cookie = directory.open_session(directory.account("alice"), NOW, 3600)
    code = pyotp.TOTP(directory.enrol_totp(cookie, NOW)).at(int(NOW))
    return directory.confirm_totp(cookie, code, "in the same moment", NOW)


MADE = {"token.create": token, "key.add": key, "application.authorize": grant, "factor.add": factor}


@contextmanager
def meanwhile(stage: Stage, action: str, other: Callable[[], object]) -> Iterator[BuiltinDirectory]:
    """A directory in which ``other`` is done just before ``action`` is committed, or has to wait for that."""
    thread = Thread(target=other)
    once = Lock()  # several events of one change are told at a time

    def insist(event: Event) -> None:
        if event.action == action and once.acquire(blocking=False):
            thread.start()
            thread.join(BRIEFLY)

    with BuiltinDirectory(stage.url, insist=insist, clock=lambda: NOW, sealing=Sealing(bytes(32))) as directory:
        yield directory
    thread.join()


@pytest.mark.parametrize(("action", "make"), MADE.items(), ids=[make.__name__ for make in MADE.values()])
def test_nothing_made_in_the_moment_of_a_block_outlives_the_clearing_up(stage: Stage, action: str, make: Make) -> None:
    directory = stage.directory
    directory.create_account("alice")

    def shut_out() -> None:
        directory.block("alice")
        directory.close_sessions(directory.account("alice"))
        for held in [held for held in directory.credentials("alice") if held.live(NOW)]:
            directory.revoke(held.ref)

    with meanwhile(stage, action, shut_out) as other:
        make(other)
    directory.unblock("alice")
    assert [held for held in directory.credentials("alice") if held.live(NOW)] == []


def test_nothing_is_made_for_who_has_just_been_blocked(stage: Stage) -> None:
    directory = stage.directory
    directory.create_account("alice")
    failed: list[StockadeError] = []

    def make() -> None:
        try:
            with stage.another() as third:
                third.issue_token("alice", "in the same moment", [Scope.API])
        except StockadeError as error:
            failed.append(error)

    with meanwhile(stage, "user.block", make) as other:
        other.block("alice")
    assert [error.message for error in failed] == ["The account alice is blocked."]
    assert [held.kind for held in directory.credentials("alice")] == []
