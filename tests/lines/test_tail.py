"""A file is followed through all that happens to logs."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.errors import ConfigurationError
from stockade.guard.logs.place import Place
from stockade.lines.line import MAX_LINE
from stockade.lines.opened import Line
from stockade.lines.tail import GRACE, Tail


def iter_lines(tail: Tail) -> Iterator[Line]:
    while lines := tail.take(7):
        yield from lines


class Log:
    """A log, a tail of it with a clock that stands, and what the tail said."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "service.log"
        self.position = folder / "service.position"
        self.place = Place(self.position)
        self.said: list[str] = []
        self.now = 0.0
        self.tail = self.tailing()

    def tailing(self) -> Tail:
        return Tail(self.path, place=self.place.load(), say=self.said.append, clock=lambda: self.now)

    def stop(self) -> None:
        self.place.keep(self.tail.place())
        self.tail.close()

    def start(self) -> None:
        self.tail = self.tailing()

    def restart(self) -> None:
        self.stop()
        self.start()

    def write(self, text: str, path: Path | None = None) -> None:
        with (path or self.path).open("a") as file:
            file.write(text)

    def lines(self) -> list[str]:
        return [line.octets.decode() for line in iter_lines(self.tail)]

    def rotate(self) -> Path:
        old = self.path.with_name("service.log.1")
        self.path.rename(old)
        return old


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.tail.close()


def test_a_file_that_is_not_there_yet_is_waited_for(log: Log) -> None:
    assert log.lines() == []
    assert not log.tail.opened
    log.write("one\n")
    assert log.lines() == ["one"]
    assert log.lines() == []


def test_half_a_line_waits_for_its_other_half(log: Log) -> None:
    log.write("one\ntw")
    assert log.lines() == ["one"]
    log.write("o\nthree\n")
    assert log.lines() == ["two", "three"]


def test_a_file_that_is_renamed_is_read_to_its_end_and_the_new_one_too(log: Log) -> None:
    log.write("one\n")
    assert log.lines() == ["one"]
    old = log.rotate()
    log.write("two\n", old)
    assert log.lines() == ["two"], "nobody has made the new file yet"
    log.write("four\n")
    log.write("three\n", old)
    assert log.lines() == ["three", "four"]
    log.write("late\nlast", old)
    assert log.lines() == ["late"], "its writer may not have noticed yet"
    log.now = GRACE
    assert log.lines() == ["last"]
    log.write("never\n", old)
    assert log.lines() == []
    assert "rotated" in log.said[-1]


def test_a_file_that_nobody_has_followed_up_is_not_let_go(log: Log) -> None:
    log.write("one\n")
    assert log.lines() == ["one"]
    old = log.rotate()
    assert log.lines() == []
    log.now = 100 * GRACE
    log.write("two\n", old)
    assert log.lines() == ["two"]
    log.now = 200 * GRACE
    assert log.lines() == []
    log.restart()
    log.write("three\n", old)
    log.write("four\n")
    assert log.lines() == ["three", "four"]


def test_two_rotations_at_once(log: Log) -> None:
    for n in range(4):
        log.write(f"{n}\n")
        assert log.lines() == [str(n)]
        log.path.rename(log.path.with_name(f"service.log.{n}"))


def test_a_file_that_is_copied_and_truncated_begins_anew(log: Log) -> None:
    log.write("one\ntwo\n")
    assert log.lines() == ["one", "two"]
    shutil.copy(log.path, log.path.with_name("service.log.1"))
    os.truncate(log.path, 0)
    log.write("3\n")
    assert log.lines() == ["3"]
    assert "truncated" in log.said[-1]


def test_truncation_is_noticed_even_when_the_file_has_grown_past_it_again(log: Log) -> None:
    log.write("one\n")
    assert log.lines() == ["one"]
    os.truncate(log.path, 0)
    log.write("something else\nand more\n")
    assert log.lines() == ["something else", "and more"]


def test_a_writer_that_does_not_append_leaves_a_hole_which_is_passed_over(log: Log) -> None:
    with log.path.open("w") as writer:
        writer.write("x" * 1_000_000 + "\n")
        writer.flush()
        assert len(log.lines()) == 1
        os.truncate(log.path, 0)
        writer.write("after the hole\n")
        writer.flush()
        assert [line.strip("\0") for line in log.lines()] == ["after the hole"]


def test_a_line_without_end_is_cut_and_the_rest_of_it_passed_over(log: Log) -> None:
    log.write("x" * 1_000_000)
    assert log.lines() == []
    log.write("y" * 1_000_000 + "\nnext\n")
    assert log.lines() == ["x" * MAX_LINE, "next"]


# ── restarts ─────────────────────────────────────────────────────────────────────────────────────


def test_a_restart_goes_on_where_it_stopped(log: Log) -> None:
    log.write("one\ntwo\nthr")
    assert log.lines() == ["one", "two"]
    log.restart()
    log.write("ee\n")
    assert log.lines() == ["three"]
    [kept] = json.loads(log.position.read_text())
    assert kept["offset"] == 8
    assert "one" not in log.position.read_text(), "a log may hold what nobody else is to read"
    assert log.position.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", ["renamed", "copied and truncated"])
def test_a_restart_finds_its_place_in_a_file_that_was_rotated_meanwhile(log: Log, how: str) -> None:
    log.write("one\ntwo\n")
    assert log.lines() == ["one", "two"]
    log.stop()
    log.write("three\n")
    if how == "renamed":
        log.rotate()
    else:
        shutil.copy(log.path, log.path.with_name("service.log.1"))
        os.truncate(log.path, 0)
    log.path.with_name("service.log.2.gz").write_bytes(gzip.compress(b"zero\n"))
    log.write("four\n")
    log.start()
    assert log.lines() == ["three", "four"]
    log.restart()
    log.write("five\n")
    assert log.lines() == ["five"]


def test_a_place_that_is_gone_is_said_and_all_is_read(log: Log) -> None:
    log.write("one\n")
    assert log.lines() == ["one"]
    log.stop()
    log.path.write_text("something else\n")
    log.start()
    assert log.lines() == ["something else"]
    assert "is gone" in log.said[-1]


def test_a_position_that_cannot_be_read_is_none(log: Log) -> None:
    for junk in ("", "[]", '{"offset": 3}', "\0"):
        log.tail.close()
        log.position.write_text(junk)
        log.start()
    log.write("one\n")
    assert log.lines() == ["one"]


def test_what_is_no_file_is_refused_and_what_cannot_be_opened_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(ConfigurationError, match="not a file"):
        Tail(tmp_path / "pipe", place=None, say=said.append).take(1)
    os.close(reading)
    folder = Tail(tmp_path, place=None, say=said.append)
    assert folder.take(1) + folder.take(1) == []
    assert said == [f"{tmp_path}: cannot be opened: Is a directory; trying on"]


WRITER = """
import os, sys
path, count = sys.argv[1], int(sys.argv[2])
file = open(path, "a")
for n in range(count):
    file.write(f"line {n} {'x' * (n % 50)}\\n")
    file.flush()
    if n % 400 == 0:
        sys.stdin.readline()  # until somebody has seen the new file: one that comes and goes unseen is lost
    if n % 400 == 399:
        os.rename(path, f"{path}.{n}")
        file.write(f"late {n}\\n")
        file.flush()
        file = open(path, "a")
"""


def test_nothing_is_lost_or_read_twice_while_another_process_writes_and_rotates(log: Log) -> None:
    argv = [sys.executable, "-c", WRITER, str(log.path), "4000"]
    seen: list[str] = []
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        deadline = time.monotonic() + 240
        while (writer.poll() is None or len(seen) < 4010) and time.monotonic() < deadline:
            new = log.lines()
            seen += new
            for line in new:
                if line.startswith("line") and int(line.split()[1]) % 400 == 0:
                    writer.stdin.write("go on\n")
                    writer.stdin.flush()
            if len(seen) % 7 == 0:
                log.restart()
    numbers = [int(line.split()[1]) for line in seen if line.startswith("line")]
    assert sorted(numbers) == list(range(4000))
    assert sum(line.startswith("late") for line in seen) == 10
