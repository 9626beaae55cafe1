"""A log file is read to its last line and no line twice, whatever happens to the file, the log or the process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockade.errors import ConfigurationError, Unavailable
from stockade.events import Event
from stockade.intake.handover import Arrival, Handover
from stockade.intake.ledger import Ledger
from stockade.intake.receivers.files import FileReceiver
from stockade.intake.settings import FileSource
from tests.intake.lines import NOON, reading
from tests.intake.memory import MemoryJournal


def line(number: int) -> str:
    return f"Nov 15 12:00:{number % 60:02} host app[1]: line {number}\n"


class Stage:
    """A log file, and the intake that reads it, which can end at any time and start again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "app.log"
        self.ledger_path = directory / "intake.sqlite"
        self.journal = MemoryJournal()
        self.told: list[str] = []
        self.written = 0
        self.start()

    def start(self) -> None:
        self.ledger = Ledger(self.ledger_path)
        self.handover = Handover(self.ledger, self.journal)
        source = FileSource(name="app", path=self.path, format="syslog")
        self.receiver = FileReceiver(source, reading("syslog"), self.handover, say=self.told.append, clock=lambda: NOON)

    def stop(self) -> None:
        self.receiver.close()
        self.ledger.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def write(self, count: int = 1) -> None:
        with self.path.open("a") as file:
            for _ in range(count):
                file.write(line(self.written))
                self.written += 1

    def read(self) -> None:
        while self.receiver.step():
            pass

    def rotate(self) -> None:
        for number in range(8, 0, -1):
            older = self.path.with_name(f"app.log.{number}")
            if older.exists():
                older.rename(self.path.with_name(f"app.log.{number + 1}"))
        self.path.rename(self.path.with_name("app.log.1"))

    def copy_and_truncate(self) -> None:
        shutil.copy(self.path, self.path.with_name("app.log.1"))
        os.truncate(self.path, 0)

    def check(self) -> None:
        assert self.journal.said == [line(number).split(": ")[1].strip() for number in range(self.written)]
        assert self.journal.repeated == {}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.stop()


def test_lines_are_taken_in_as_they_come(stage: Stage) -> None:
    stage.read()
    stage.write(3)
    stage.read()
    stage.write(2)
    stage.read()
    stage.check()


def test_a_line_is_taken_when_it_is_whole(stage: Stage) -> None:
    stage.path.write_text(line(0)[:20])
    stage.read()
    assert stage.journal.said == []
    with stage.path.open("a") as file:
        file.write(line(0)[20:])
    stage.written = 1
    stage.read()
    stage.check()


def test_a_restart_goes_on_where_it_stopped(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    stage.restart()
    stage.write(2)
    stage.read()
    stage.check()


def test_rotation_loses_nothing_and_what_is_still_written_to_the_old_file_is_read_too(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    with stage.path.open("a") as old:
        stage.rotate()
        old.write(line(3))
        old.flush()
        stage.written = 4
        stage.write(2)
        stage.read()
        old.write(line(stage.written))
        stage.written += 1
    stage.read()
    stage.check()


def test_what_was_rotated_away_while_nobody_read_is_read_in_its_order(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    stage.stop()
    stage.write(2)
    for _ in range(3):
        stage.rotate()
        stage.write(2)
    stage.start()
    stage.read()
    stage.check()


def test_a_file_that_was_being_left_is_gone_back_to_after_a_restart(stage: Stage) -> None:
    stage.write(2)
    stage.read()
    with stage.path.open("a") as old:
        stage.rotate()
        stage.write(1)
        stage.read()
        stage.stop()
        old.write(line(stage.written))
        stage.written += 1
    stage.start()
    stage.read()
    stage.check()


def test_copying_and_truncating_loses_nothing_that_is_in_the_copy(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    stage.write(2)
    stage.copy_and_truncate()
    stage.write(2)
    stage.read()
    stage.check()


def test_the_same_while_nobody_read(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    stage.stop()
    stage.write(2)
    stage.copy_and_truncate()
    stage.write(2)
    stage.start()
    stage.read()
    stage.check()


def test_lines_that_are_gone_are_an_event_of_their_own(stage: Stage) -> None:
    stage.write(3)
    stage.read()
    stage.stop()
    stage.path.unlink()
    stage.write(2)
    stage.start()
    stage.read()
    actions = [entry.event.action for entry in stage.journal.entries]
    assert actions == ["message"] * 3 + ["intake.gap"] + ["message"] * 2
    assert "gone" in stage.told[0]


def test_a_refused_batch_is_handed_over_again_and_what_was_taken_of_it_is_not_repeated(stage: Stage) -> None:
    stage.write(10)
    stage.journal.takes = 4
    with pytest.raises(Unavailable):
        stage.read()
    stage.write(3)
    stage.journal.takes = 2
    with pytest.raises(Unavailable):
        stage.read()
    stage.read()
    stage.check()


def test_without_its_ledger_the_intake_learns_from_the_log_what_it_has_handed_on(stage: Stage) -> None:
    stage.write(5)
    stage.read()
    stage.stop()
    stage.ledger_path.unlink()
    stage.write(2)
    stage.start()
    stage.read()
    stage.check()


def test_a_ledger_of_another_log_is_refused(stage: Stage) -> None:
    stage.write(5)
    stage.read()
    stage.stop()
    stage.journal.entries.clear()
    stage.ledger = Ledger(stage.ledger_path)
    with pytest.raises(ConfigurationError, match="has no entry 4"):
        Handover(stage.ledger, stage.journal)


def test_two_lines_that_are_alike_are_two_events(stage: Stage) -> None:
    stage.path.write_text(line(1) * 3)
    stage.read()
    assert len(stage.journal.entries) == 3


def test_what_cannot_be_read_is_kept_and_said_why(stage: Stage) -> None:
    stage.path.write_bytes(b"\xff\xfe garbage \x1b[2J password=hunter2\n" + line(0).encode())
    stage.read()
    unknown = stage.journal.entries[0].event
    assert (unknown.action, unknown.outcome, unknown.time) == ("unknown", "unknown", NOON)
    assert "no time and host" in str(unknown.details["reason"])
    assert unknown.details["line"] == "\\xff\\xfe garbage \x1b[2J password=[redacted]"


def test_a_line_without_an_end_is_cut_and_the_next_is_read(stage: Stage) -> None:
    stage.path.write_bytes(b"x" * 3_000_000)
    stage.read()
    with stage.path.open("ab") as file:
        file.write(b"x" * 100_000 + b"\n" + line(0).encode())
    stage.read()
    assert [entry.event.action for entry in stage.journal.entries] == ["unknown", "message"]
    stage.restart()
    stage.read()
    assert len(stage.journal.entries) == 2


def test_identities_are_forgotten_after_their_time_and_beyond_their_number(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    for at in range(10):
        ledger.write([bytes([at]) * 16], at=float(at), mark=at)
    assert ledger.forget(before=3.0, most=100) == 3
    assert ledger.forget(before=3.0, most=5) == 2
    assert ledger.known(bytes([at]) * 16 for at in range(10)) == {bytes([at]) * 16 for at in range(5, 10)}
    ledger.close()


def test_one_ledger_is_open_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with pytest.raises(Unavailable, match="cannot be opened"):
        Ledger(tmp_path / "ledger")
    ledger.close()


def test_a_ledger_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigurationError, match="no ledger"):
        Ledger(tmp_path / "ledger")


def test_an_event_too_large_for_the_log_keeps_its_identity(tmp_path: Path) -> None:
    journal, ledger = MemoryJournal(), Ledger(tmp_path / "ledger")
    event = Event(NOON, "message", details={"type": "x", **{str(n): "ä" * 2000 for n in range(20)}})
    handover = Handover(ledger, journal)
    assert handover.take("s", [Arrival(event, "1")], now=NOON) == 1
    assert set(journal.entries[0].event.details) == {"type", "oversize", "intake"}
    assert handover.take("s", [Arrival(event, "1")], now=NOON) == 0
    ledger.close()


STEPS = st.lists(
    st.sampled_from(["write", "read", "rotate", "copy", "restart", "refuse", "crash", "forget"]),
    min_size=3,
    max_size=25,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_every_line_is_in_the_log_once_whatever_happens(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    doing: dict[str, Callable[[], None]] = {
        "write": lambda: stage.write(3),
        "read": lambda: _patient(stage.read),
        "rotate": lambda: stage.rotate() if stage.path.exists() and stage.path.stat().st_size else None,
        "copy": lambda: _safe_copy(stage),
        "restart": stage.restart,
        "refuse": lambda: setattr(stage.journal, "takes", 2),
        "crash": lambda: _crash(stage),
        "forget": lambda: _without_ledger(stage),
    }
    stage.write(1)
    stage.read()
    try:
        for step in steps:
            doing[step]()
        stage.journal.takes = None
        stage.read()
    finally:
        stage.stop()
    assert sorted(stage.journal.said) == sorted(line(n).split(": ")[1].strip() for n in range(stage.written))
    assert stage.journal.repeated == {}


def _patient(read: Callable[[], None]) -> None:
    try:
        read()
    except Unavailable:
        read()


def _safe_copy(stage: Stage) -> None:
    """What is written between the copy and the truncation is lost, as logrotate's page says; so read before it."""
    if stage.path.exists() and stage.path.stat().st_size:
        stage.journal.takes = None
        stage.read()
        for number in range(8, 0, -1):
            older = stage.path.with_name(f"app.log.{number}")
            if older.exists():
                older.rename(stage.path.with_name(f"app.log.{number + 1}"))
        stage.copy_and_truncate()


def _crash(stage: Stage) -> None:
    """Events are in the log, and the ledger knows nothing of them."""
    kept = stage.ledger.write
    stage.ledger.write = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    try:
        _patient(stage.read)
    except KeyboardInterrupt:
        pass
    finally:
        stage.ledger.write = kept  # type: ignore[method-assign]
    stage.restart()


def _without_ledger(stage: Stage) -> None:
    """Without it nobody knows of the files that were rotated away; what was read of them is in the log."""
    stage.journal.takes = None
    stage.read()
    stage.stop()
    stage.ledger_path.unlink()
    stage.start()
    stage.write(1)
    stage.read()
