"""What is done in one process holds in every other at the next request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from stockade.directory import AccountKind, BuiltinDirectory, Scope
from tests.directory.conftest import NOW, Stage

OTHER = """
import sys
from stockade.directory import BuiltinDirectory
from stockade.errors import Refused
directory = BuiltinDirectory(sys.argv[1])
for line in sys.stdin:
    verb, *words = line.split()
    try:
        print(getattr(directory, verb)(*words, float(sys.argv[2])) and "welcome", flush=True)
    except Refused as refusal:
        print(type(refusal).__name__, flush=True)
"""
FORKING = """
import os, sys
from stockade.directory import BuiltinDirectory
directory = BuiltinDirectory(sys.argv[1])
directory.account("alice")
child = os.fork()
names = {directory.account("alice").name for _ in range(50)}
if child == 0:
    os._exit(0 if names == {"alice"} else 1)
print(names, os.waitpid(child, 0)[1])
directory.close()
"""

Ask = Callable[..., str]


@pytest.fixture
def ask(stage: Stage) -> Iterator[Ask]:
    """Ask another process for an authentication; it has its own memory of passwords just verified."""
    argv = [sys.executable, "-W", "error", "-c", OTHER, stage.url, str(NOW)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def answer(*words: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            print(*words, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield answer
        process.stdin.close()


def test_a_block_a_revocation_and_a_new_password_hold_elsewhere_at_once(
    stage: Stage, directory: BuiltinDirectory, ask: Ask
) -> None:
    alice = directory.create_account("alice", AccountKind.HUMAN, "correct-horse")
    token, plain = directory.issue_token("alice", "laptop", [Scope.API])
    cookie = directory.open_session(alice, NOW, 3600)
    everything: list[tuple[str, ...]] = [("authenticate", "alice", "correct-horse"), ("authenticate", "alice", plain)]
    everything += [("authenticate_token", plain), ("session", cookie)]

    assert {ask(*words) for words in everything} == {"welcome"}
    directory.block("alice")
    assert {ask(*words) for words in everything} == {"AccountBlocked"}
    directory.unblock("alice")
    assert {ask(*words) for words in everything} == {"welcome"}

    directory.revoke_token(token.id)
    assert ask("authenticate_token", plain) == "UnknownCredentials"
    directory.set_password("alice", "another-horse")
    assert ask("authenticate", "alice", "correct-horse") == "UnknownCredentials"
    assert ask("authenticate", "alice", "another-horse") == "welcome"
    assert ask("session", cookie) == "UnknownCredentials"


def test_a_process_that_forks_does_not_share_its_connections(stage: Stage) -> None:
    stage.directory.create_account("alice")
    argv = [sys.executable, "-W", "error", "-c", FORKING, stage.url]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == ("{'alice'} 0\n", "")
