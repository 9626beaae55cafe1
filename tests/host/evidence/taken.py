"""Artifacts to take in a trial, a store in memory with faults, and what a collection holds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stockade.errors import Refused, Tampered
from stockade.host.evidence.artifact import Artifact, artifact_of
from stockade.host.evidence.chain import Line
from stockade.host.evidence.collecting import Sealed, Step, begin, resume
from stockade.host.evidence.manifest import read
from stockade.host.evidence.readers import READERS
from stockade.host.evidence.store import Receipt, Shelf, Store
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place


def artifact(name: str, order: str = "logs", **said: Any) -> Artifact:
    """An artifact as a file says it."""
    return artifact_of(name, {"order": order, "what": name, "why": "a trial", **said}, frozenset(READERS))


CRON = artifact("cron", "persistence", files=["/etc/crontab", "/etc/cron.*/**"])
KEYS = artifact("keys", "persistence", files=["~/.ssh/**"], secret=["*/id_*"])
LOGS = artifact("logs", files=["/var/log/**"])
FEW = [CRON, KEYS, LOGS]


def untold(_step: Step) -> None:
    """Where nobody watches."""


def taken(store: Store, place: Place, artifacts: Sequence[Artifact] = FEW, *, secrets: bool = False) -> Sealed:
    return begin(store, artifacts, place, secrets=secrets, tell=untold)


def gone_on(store: Store, place: Place, artifacts: Sequence[Artifact] = FEW) -> Sealed:
    return resume(store, artifacts, place, tell=untold)


def lines_of(shelf: Shelf) -> dict[str, Line]:
    """The lines of items, by what they are called."""
    return {line["what"]: line for line in read(shelf).items.values()}


def octets_of(shelf: Shelf) -> dict[str, bytes]:
    """The octets of items, by what they are called, all of it verified."""
    found: dict[int, bytes] = {}

    def keep(item: int, octets: bytes) -> None:
        found[item] = found.get(item, b"") + octets

    verify(shelf, keep=keep)
    return {what: found.get(line["item"], b"") for what, line in lines_of(shelf).items()}


class Memory:
    """A store in this process. ``at_put`` is called with the number of each put, and may raise, or kill."""

    place, remark = "memory", ""

    def __init__(self, held: Mapping[str, bytes] | None = None) -> None:
        self.held = dict(held or {})
        self.puts = 0
        self.at_put: Callable[[int], None] = lambda _number: None

    def put(self, name: str, octets: bytes) -> Receipt:
        if name in self.held:
            raise Refused(f"{name} is there already")
        self.at_put(self.puts)
        self.puts += 1
        self.held[name] = octets
        return Receipt(0.0)

    def names(self) -> Iterable[str]:
        return list(self.held)

    def read(self, name: str, most: int) -> bytes:
        if name not in self.held:
            raise Tampered(f"{name} is gone")
        return self.held[name]


def die(number: int) -> Callable[[int], None]:
    """Kill this process with signal 9 at a put."""

    def at_put(put: int) -> None:
        if put == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_put


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
