"""An audit log, and the command that takes other logs into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from subprocess import Popen
from typing import cast

import pytest

from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.events import Event
from tests.cli.terminal import Said, Terminal, terminal
from tests.servers.certificates import certificates
from tests.servers.processes import end, wait_until

__all__ = ["certificates", "terminal"]
ORIGIN = "intake.example/node1"


@dataclass
class Taking:
    """``stockade intake`` in a directory of its own, with a real audit log in it."""

    terminal: Terminal
    ending: ExitStack
    running: Popen[str] | None = None

    @property
    def directory(self) -> Path:
        return self.terminal.directory

    @property
    def options(self) -> list[str]:
        return ["sources.toml", "--log", "log", "--state", "signer"]

    def sources(self, text: str) -> None:
        self.terminal.write(text, "sources.toml")

    def once(self, options: list[str] | None = None) -> Said:
        return self.terminal.run("intake", "once", *(options or self.options))

    def start(self, options: list[str] | None = None) -> Popen[str]:
        process = self.terminal.start("intake", "run", *(options or self.options))
        self.ending.callback(_closed, process)
        self.running = process
        return process

    def restart(self, how: Signals) -> None:
        """End what runs, and start it again."""
        assert self.running is not None
        self.running.send_signal(how)
        self.running.wait()
        self.start()

    @property
    def events(self) -> list[Event]:
        """What was taken in, without what the log says about itself."""
        found = [entry.event for entry in entries(self.directory / "log", 0)]
        return [event for event in found if "intake" in event.details]

    @property
    def octets(self) -> int:
        """How large the audit log is."""
        return sum(path.stat().st_size for path in (self.directory / "log" / "segments").glob("*"))

    def wait_for(self, condition: Callable[[list[Event]], bool], what: str) -> list[Event]:
        wait_until(lambda: condition(self.events), what)
        return self.events


def _closed(process: Popen[str]) -> None:
    end(cast("Popen[bytes]", process))  # it only signals it
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture
def taking(terminal: Terminal) -> Iterator[Taking]:
    AuditLog.create(terminal.directory / "log", terminal.directory / "signer", origin=ORIGIN)
    with ExitStack() as ending:
        yield Taking(terminal, ending)
