"""A log in a temporary directory, and what an attacker or an accident may do to its files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.audit.clerk import Rhythm
from stockade.audit.keys import PublicKey
from stockade.audit.layout import segment_path, segments_in
from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.verify import Report, verify
from stockade.events import Event, Ref
from tests.cli.terminal import terminal

__all__ = ["terminal"]

NOW = 1_800_000_000.0
ORIGIN = "stockade.example/node1"
ALICE = Ref("stockade", "user", "alice")


def event(number: int, action: str = "token.create") -> Event:
    return Event(
        NOW + number, action, ALICE, Ref("stockade", "token", str(number)), "203.0.113.9", details={"n": number}
    )


@dataclass
class Stage:
    """The directories of one log and of its signer."""

    path: Path
    state: Path

    def open(
        self, *, clock: Callable[[], float] = lambda: NOW, segment_size: int = 8 << 20, **rhythm: float
    ) -> AuditLog:
        calm = {"sign_within": 3600.0, "heartbeat": 3600.0} | rhythm
        return AuditLog(self.path, self.state, rhythm=Rhythm(segment_size=segment_size, **calm), clock=clock)  # type: ignore[arg-type]

    @property
    def keys(self) -> list[PublicKey]:
        return [PublicKey.parse(line) for line in (self.state / "key.pub").read_text().splitlines()]

    def verify(self, **given: object) -> Report:
        return verify(self.path, self.keys, **given)  # type: ignore[arg-type]

    def segment(self, number: int = -1) -> Path:
        return self.path / segment_path(segments_in(self.path)[number])

    def lines(self, number: int = -1) -> list[bytes]:
        return self.segment(number).read_bytes().splitlines(keepends=True)

    def rewrite(self, lines: list[bytes], number: int = -1) -> None:
        path = self.segment(number)
        path.chmod(0o600)
        path.write_bytes(b"".join(lines))

    def actions(self) -> list[str]:
        return [entry.event.action for entry in entries(self.path, 0)]

    def said(self, action: str) -> list[dict[str, object]]:
        """The details of what the log has said about itself."""
        return [dict(entry.event.details) for entry in entries(self.path, 0) if entry.event.action == action]

    def copy(self, name: str) -> Path:
        """Keep the log as it is now, as a backup does."""
        return Path(shutil.copytree(self.path, self.path.parent / name))

    def put_back(self, copy: Path) -> None:
        shutil.rmtree(self.path)
        shutil.copytree(copy, self.path)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A log without entries."""
    made = Stage(tmp_path / "log", tmp_path / "signer")
    AuditLog.create(made.path, made.state, origin=ORIGIN)
    return made


@pytest.fixture
def filled(stage: Stage) -> Stage:
    """A closed log of several segments, 700 events and then some of its own, so several tiles."""
    with stage.open(segment_size=40_000) as log:
        for first in range(0, 700, 100):
            for number in range(first, first + 100):
                log.offer(event(number))
            log.append(event(first + 1000))
    return stage
