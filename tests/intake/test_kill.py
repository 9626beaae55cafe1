"""The whole command is killed again and again while a log grows and is rotated: every line is in it once."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread

from stockade.audit.keys import PublicKey
from stockade.audit.log import AuditLog
from stockade.audit.recorder import Recorder
from stockade.audit.verify import verify
from tests.intake.conftest import Taking
from tests.intake.lines import NOON
from tests.servers.processes import wait_until

KILLS = 10
ROTATIONS = 5
"""How often the log is rotated between two kills: nothing is rotated away, however slowly the intake starts."""
SOURCES = """
[[intake]]
name = "app"
path = "app.log"
format = "syslog"
"""


class Writer(Thread):
    """A program that writes lines and has its log rotated, until it is told to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.stop, self.written, self.rotations = path, Flag(), 0, ROTATIONS

    def run(self) -> None:
        random = Random(7)
        while not self.stop.wait(0.01):
            self.write(random.randint(1, 15))
            if random.random() < 0.03 and self.rotations:
                self.rotations -= 1
                self._rotate()

    def write(self, count: int) -> None:
        with self.path.open("a") as file:
            for _ in range(count):
                file.write(f"Nov 15 12:00:00 host app[1]: line {self.written}\n")
                self.written += 1

    def _rotate(self) -> None:
        for number in range(60, 0, -1):
            older = self.path.with_name(f"app.log.{number}")
            if older.exists():
                older.rename(self.path.with_name(f"app.log.{number + 1}"))
        self.path.rename(self.path.with_name("app.log.1"))


def kill_again_and_again(taking: Taking, times: int, options: list[str]) -> Writer:
    """Have the intake killed so many times while the log grows; afterwards it takes in the rest."""
    taking.sources(SOURCES)
    random, writer = Random(11), Writer(taking.directory / "app.log")
    writer.write(1)
    assert taking.once(options).code == 0, "from now on it knows its place, also in what is rotated away meanwhile"
    writer.start()
    try:
        for _ in range(times):
            before = taking.octets
            process = taking.start(options)
            wait_until(lambda before=before: taking.octets > before + 5_000, "the first lines")  # type: ignore[misc]
            writer.stop.wait(random.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            process.wait()
            writer.rotations = ROTATIONS
    finally:
        writer.stop.set()
        writer.join()
    assert taking.once(options).code == 0
    return writer


def test_after_any_number_of_kills_every_line_is_in_the_log_once(taking: Taking) -> None:
    writer = kill_again_and_again(taking, KILLS, taking.options)
    lines = Counter(str(event.details["message"]) for event in taking.events)
    assert lines == Counter(f"line {number}" for number in range(writer.written))
    key = PublicKey.parse((taking.directory / "signer" / "key.pub").read_text().splitlines()[0])
    assert verify(taking.directory / "log", [key], now=NOON).head.size > writer.written


def test_the_same_where_another_process_keeps_the_log(taking: Taking) -> None:
    state = taking.directory / "state"
    state.mkdir()
    (taking.directory / "log").rename(state / "audit")
    (taking.directory / "signer").rename(state / "audit-signer")
    (taking.directory / "log").symlink_to(state / "audit")
    taking.terminal.write('store = "memory"\n')
    with (
        AuditLog(state / "audit", state / "audit-signer") as log,
        closing(Recorder(log, state / "recorder")) as recorder,
    ):
        recorder.start()
        writer = kill_again_and_again(taking, KILLS // 2, ["sources.toml"])
    lines = Counter(str(event.details["message"]) for event in taking.events)
    assert lines == Counter(f"line {number}" for number in range(writer.written))
