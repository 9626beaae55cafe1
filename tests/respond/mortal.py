"""A response in a process of its own, which is killed with signal 9 at the n-th place where anything happens.

Places are after each entry that is written, the directory's own among them, which it writes inside its transaction;
after each step is taken; and after a secret is made that nobody was told yet. In between nothing reaches a disk.
``forkserver`` has all of this imported once.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stockade.app import Stockade
from stockade.app.recording import Recording
from stockade.app.respond.responding import Responding
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.builtin.acting import BuiltinActuator
from stockade.events import Ref
from stockade.respond.standing import PlanState

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *("tests.respond.mortal", "stockade.audit.prove"),
        *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg", "stockade.directory.breached"),
        "cryptography.hazmat.backends.openssl.backend",
    ]
)


class Clockwork:
    """Counts places, and dies at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at, self.passed = at, 0

    def tick(self) -> None:
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, with a place after it."""

        def wound(*given: Any, **named: Any) -> Any:
            found = method(*given, **named)
            self.tick()
            return found

        return wound


def wind(at: int | None) -> Clockwork:
    """Put the places where they belong."""
    clockwork = Clockwork(at)
    for name in ("migrate",):  # it has been, and every process would look again
        setattr(BuiltinDirectory, name, lambda _self: None)
    taking = ((BuiltinActuator, "perform"), (BuiltinActuator, "perform_many"), (BuiltinDirectory, "rotate"))
    for kind, name in ((Recording, "seal"), (Recording, "insist"), *taking):
        setattr(kind, name, clockwork.around(getattr(kind, name)))
    return clockwork


def respond(config: Path, digest: str, verb: str, at: int | None, told: Path) -> None:
    """Run or undo a plan, and tell how many places there were, how its steps stand, and what the directory says."""
    clockwork, stockade = wind(at), Stockade(load(config), by="olga")
    handed = stockade.settings.state_directory() / "handed"

    def hand_out(ref: Ref, secret: str) -> None:
        with handed.open("a") as file:
            file.write(f"{ref} {secret}\n")

    with stockade.responding(hand_out) as response:
        state = response.run(digest) if verb == "run" else undone_by_two(response, digest)
        steps = [each.progress.value for each in state.steps]
        said = world(response.directory) + works(response.directory, handed)
        told.write_text(json.dumps([clockwork.passed, steps, said]))


def undone_by_two(response: Responding, digest: str) -> PlanState:
    """The gate is closed, and two people answer for it."""
    response.by = Ref("unix", "user", "omar")
    response.undo(digest, reason="a false alarm", override=True)
    response.by = Ref("unix", "user", "olga")
    return response.undo(digest, reason="a false alarm", override=True)


def works(directory: BuiltinDirectory, handed: Path) -> list[str]:
    """What every secret opens that was handed out last for its thing."""
    lines = [line.split() for line in handed.read_text().splitlines()] if handed.exists() else []
    last = {Ref.parse(line[0]): line[1] for line in lines}
    return [f"new {ref.kind} {directory.token_in_plain(secret).ref == ref}" for ref, secret in last.items()]


def world(directory: BuiltinDirectory) -> list[str]:
    """All that the directory says, but for the times at which things were done."""
    said = [f"{a.name} {a.state} {a.factor_due is not None}" for a in directory.accounts()]
    said += [
        f"{c.kind} {c.holder} {c.name} {c.revoked is not None} {c.expires is not None}" for c in directory.credentials()
    ]
    said += [f"{m.account} {m.path} {m.level}" for m in directory.memberships()]
    return sorted(said)


def in_a_process(
    config: Path, digest: str, verb: str, at: int | None = None
) -> tuple[int, list[str], list[str]] | None:
    """What was told; None when it was killed. Raises AssertionError when it ended otherwise."""
    told = config.with_name("told")
    process = _FORKS.Process(target=respond, args=(config, digest, verb, at, told))
    process.start()
    process.join(60)
    if at is not None and process.exitcode == -signal.SIGKILL:
        return None
    assert process.exitcode == 0, f"{verb} at {at} ended with {process.exitcode}"
    places, steps, said = json.loads(told.read_text())
    return places, steps, said
