"""Several processes report to one that records: what was answered is on disk, and what is not handed over is known."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stockade.audit.clerk import Rhythm
from stockade.audit.letters import connected, letter, listening, recorder_at
from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.recorder import Recorder
from stockade.audit.reporter import Reporter
from stockade.errors import Unavailable
from stockade.events import Event, Ref
from tests.audit.conftest import Stage, event, stage
from tests.audit.test_log import disk_full_at
from tests.servers.processes import wait_until

__all__ = ["stage"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A socket whose path is longer than an address of one may be."""
    folder = tmp_path / ("a" * 100)
    folder.mkdir()
    return folder / "recorder"


@contextmanager
def recording(stage: Stage, path: Path) -> Iterator[AuditLog]:
    with AuditLog(stage.path, stage.state, rhythm=Rhythm(sign_within=0.05)) as log:
        recorder = Recorder(log, path)
        recorder.start()
        try:
            yield log
        finally:
            recorder.close()


def numbers(stage: Stage) -> list[object]:
    return [entry.event.details["n"] for entry in entries(stage.path, 0) if "n" in entry.event.details]


@contextmanager
def killed_at_the_end(stage: Stage, path: Path) -> Iterator[int]:
    """A recorder in a process of its own, which ends without having been told."""
    child = os.fork()
    if child == 0:
        with recording(stage, path):
            signal.pause()
    try:
        wait_until(lambda: recorder_at(path) == child, "the recorder")
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_what_must_be_recorded_is_on_disk_when_it_is_answered(stage: Stage, path: Path) -> None:
    with recording(stage, path):
        reporter = Reporter(path, "worker 0")
        assert reporter.append(event(1)) == 1
        assert next(entries(stage.path, 1)).event == event(1)


def test_what_should_be_recorded_waits_for_a_recorder_and_blocks_nobody(stage: Stage, path: Path) -> None:
    reporter = Reporter(path, "worker 0")
    for number in range(500):
        reporter.offer(event(number))
    with recording(stage, path):
        assert reporter.close(60) == 0
    assert numbers(stage) == list(range(500))


def test_threads_and_processes_share_one_log(stage: Stage, path: Path) -> None:
    def report(who: int) -> None:
        reporter = Reporter(path, f"worker {who}")
        for number in range(10):
            reporter.append(event(100 * who + number))

    with recording(stage, path):
        threads = [threading.Thread(target=report, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        child = os.fork()
        if child == 0:
            report(9)
            os._exit(0)
        for thread in threads:
            thread.join()
        assert os.waitpid(child, 0)[1] == 0
    assert sorted(map(int, map(str, numbers(stage)))) == [100 * who + n for who in (0, 1, 2, 3, 9) for n in range(10)]
    assert stage.verify().unsigned == 0


def test_a_recorder_that_is_killed_loses_nothing_that_was_answered_or_offered(stage: Stage, path: Path) -> None:
    reporter, answered = Reporter(path, "worker 0"), []
    for round_ in range(3):
        with killed_at_the_end(stage, path):
            answered += [reporter.append(event(1000 * round_ + n)) for n in range(20)]
            for number in range(200):
                reporter.offer(event(1000 * round_ + 500 + number))
    with recording(stage, path):
        assert reporter.close(60) == 0
    there = {entry.index: entry.event.details for entry in entries(stage.path, 0) if "n" in entry.event.details}
    assert len(answered) == 60
    assert set(answered) <= there.keys()
    offered = {1000 * round_ + 500 + number for round_ in range(3) for number in range(200)}
    assert offered <= {details["n"] for details in there.values()}
    first = [details["n"] for details in there.values() if "again" not in details]
    assert len(first) == len(set(first)), "what came twice says so"
    assert stage.verify().unsigned == 0


def test_nobody_records_and_that_is_said_in_time(path: Path) -> None:
    with pytest.raises(Unavailable, match="did not answer; the event is not recorded"):
        Reporter(path, "worker 0").append(event(1), timeout=0.2)


def test_a_recorder_that_hangs_is_waited_for_no_longer_than_asked(path: Path) -> None:
    with listening(path), pytest.raises(Unavailable, match=r"within 0\.1 s; the event may or may not be recorded"):
        Reporter(path, "worker 0").append(event(1), timeout=0.1)


def test_a_full_disk_refuses_what_must_keeps_what_should_and_counts(stage: Stage, path: Path) -> None:
    reporter = Reporter(path, "worker 0", most_waiting=5)
    with recording(stage, path) as log:
        reporter.append(event(1))
        with disk_full_at(stage.segment().stat().st_size):
            with pytest.raises(Unavailable, match="cannot be written"):
                reporter.append(event(2), timeout=20)
            for number in range(10, 20):
                reporter.offer(event(number))
        assert reporter.close(60) == 0
        log.append(event(3))
    assert numbers(stage) == [1, 10, 11, 12, 13, 14, 3]
    gaps = stage.said("log.gap")
    assert sum(int(str(gap["refused"])) for gap in gaps) == 1
    assert sum(int(str(gap["lost"])) for gap in gaps) == 5
    assert "a reporter had no room for more" in {gap["what"] for gap in gaps}


def test_a_reporter_that_ends_without_a_word_is_named(stage: Stage, path: Path) -> None:
    with recording(stage, path):
        with connected(path, 5) as connection:
            connection.sendall(letter(hello="worker 1"))
            assert b"welcome" in connection.recv(100)
        wait_until(lambda: "log.reporter.lost" in stage.actions(), "the recorder to say so")
        reporter = Reporter(path, "worker 2")
        reporter.offer(event(1))
        assert reporter.close(60) == 0
    said = [entry.event.target for entry in entries(stage.path, 0) if entry.event.action == "log.reporter.lost"]
    assert said == [Ref("stockade", "process", "worker 1")]


@pytest.mark.parametrize(
    "nonsense",
    [b"\n", b"[]\n", b"null\n", b'{"must":1}\n', b'{"must":{}}\n', b'{"keep":1}\n', b'{"keep":[{}]}\n', b"x" * 2000],
)
def test_nonsense_ends_a_connection_or_is_refused_and_harms_nobody_else(
    stage: Stage, path: Path, nonsense: bytes
) -> None:
    with recording(stage, path):
        with connected(path, 5) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1000):
                pass
        assert Reporter(path, "worker 0").append(event(1)) > 0


def test_nobody_else_can_speak_for_the_log(stage: Stage, path: Path) -> None:
    with recording(stage, path):
        with pytest.raises(Unavailable, match=r"only the log itself records log\.key\.rotated"):
            Reporter(path, "worker 0").append(Event(1.0, "log.key.rotated"))
        reporter = Reporter(path, "worker 0")
        reporter.offer(Event(1.0, "log.key.rotated"))
        reporter.offer(Event(1.0, "log.key.rotated"))
        reporter.offer(Event(1.0, "user.block", Ref("stockade", "user", "")))
        reporter.offer(event(1))
        assert reporter.close(60) == 0
    assert "log.key.rotated" not in stage.actions()
    assert stage.actions().count("user.block") == 1, "nobody's name is no reason to lose what was done to them"
    assert sum(int(str(gap["lost"])) for gap in stage.said("log.gap")) == 2


def test_a_stranger_is_not_heard(stage: Stage, path: Path) -> None:
    with recording(stage, path):
        path.chmod(0o666)
        path.parent.chmod(0o755)
        for parent in path.parents:
            if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os._exit(recorder_at(path) != 0)
        assert os.waitpid(child, 0)[1] == 0
        assert recorder_at(path) == os.getpid()
