"""A process that is killed in the middle harms at most the client it was counting."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from stockade.errors import Unavailable
from stockade.guard.shared import SharedStore
from tests.servers.processes import wait_until
from tests.shared.conftest import Start
from tests.shared.other import Other


def test_killed_writers_leave_a_store_that_counts_on(store: SharedStore, path: Path, start: Start) -> None:
    random = Random(7)
    Other(store).passes("bystander", "r", 1e9, 5)
    Other(store).ban("user:mallory", 600)
    for number in range(8):
        writers = [start() for _ in range(2)]
        for writer in writers:
            writer.tell("passes", f"client {number}", "r", 1e9, 10_000_000)
        wait_until(lambda number=number: Other(store).used(f"client {number}", "r") > [0], "the writers")  # type: ignore[misc]
        time.sleep(random.uniform(0.0, 0.1))
        for writer in writers:
            os.kill(writer.process.pid, signal.SIGKILL)
            writer.process.wait()
        (used,) = Other(store).used(f"client {number}", "r")
        assert used > 0
        assert math.isfinite(used)
    assert Other(store).passes("client 0", "s", 10, 20) == 10
    assert Other(store).used("bystander", "r") == [5]
    assert Other(store).bans() == ["user:mallory"]
    assert start()("bans") == ["user:mallory"]


def test_a_lock_whose_holder_died_is_free(store: SharedStore, path: Path) -> None:
    child = os.fork()
    if not child:
        stripes = store._table.stripes
        for stripe in stripes:
            stripe.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert Other(store).passes("203.0.113.9", "r", 1, 2) == 1


def test_a_process_that_was_stopped_in_the_middle_is_not_waited_for_for_ever(store: SharedStore, path: Path) -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        descriptor = os.open(path, os.O_RDWR)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        os.write(write, b"!")
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.read(read, 1)
    try:
        with pytest.raises(Unavailable, match="busy"):
            Other(store).passes("203.0.113.9", "r", 1, 1)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert Other(store).passes("203.0.113.9", "r", 1, 2) == 1


def test_garbage_in_one_clients_cells_harms_nobody_else(store: SharedStore) -> None:
    Other(store).passes("203.0.113.9", "r", 5, 5)
    Other(store).passes("198.51.100.1", "r", 5, 5)
    table = store._table
    row = table.find(table.spot("203.0.113.9"))
    for at in range(3, table.width):
        table.cells[row * table.width + at] = math.nan
    assert Other(store).passes("203.0.113.9", "r", 5, 9) == 5
    assert Other(store).used("198.51.100.1", "r") == [5]


def test_a_row_given_up_half_way_begins_with_nothing(store: SharedStore) -> None:
    """The tag goes first and comes last: what stands in a row without one was left by a process that died."""
    Other(store).passes("203.0.113.9", "r", 5, 5)
    table = store._table
    table.tags[table.find(table.spot("203.0.113.9"))] = 0
    assert Other(store).passes("203.0.113.9", "r", 5, 9) == 5
