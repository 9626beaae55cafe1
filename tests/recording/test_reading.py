"""Who reads the audit log for what matters is in it: with a server and without, and only where the log is ours."""

from __future__ import annotations

import shutil
import subprocess

from tests.cli.conftest import terminal
from tests.detect.logs import make_log
from tests.recording.test_serving import ME, Log, log, serving
from tests.servers.processes import wait_until

__all__ = ["log", "terminal"]
READ = ["detect run --since 90d", "review alice", "review --instance"]


def reading(log: Log) -> list[tuple[str, object]]:
    return [(str(entry.event.actor), entry.event.details.get("with")) for entry in log.entries("log.read")]


def test_detection_and_reviews_are_on_record_while_a_server_keeps_the_log(log: Log) -> None:
    with serving(log):
        for line in READ:
            assert log.terminal(line).code in {0, 1}
        assert reading(log) == [(ME, line) for line in READ]
    log.verified()


def test_they_are_without_one_too(log: Log) -> None:
    assert log.terminal("user add carol --bot").code == 0
    for line in READ:
        assert log.terminal(line).code in {0, 1}
    assert reading(log) == [(ME, line) for line in READ]


def test_so_is_following_once_and_before_anything_is_told(log: Log) -> None:
    assert log.terminal("user add carol --bot").code == 0
    process = log.terminal.start("detect", "follow")
    try:
        wait_until(lambda: (log.state / "detect.json").exists() or bool(reading(log)), "somebody to follow")
        assert reading(log) == [(ME, "detect follow")]
    finally:
        process.terminate()
        process.communicate(timeout=120)
    assert reading(log) == [(ME, "detect follow")]


def test_a_log_that_is_not_ours_is_read_and_not_written_to(log: Log) -> None:
    other = make_log(log.terminal.directory, [])
    before = [file.read_bytes() for file in sorted(other.rglob("*")) if file.is_file()]
    assert log.terminal("user add carol --bot").code == 0
    for line in READ:
        assert log.terminal(f"{line} --log log").code in {0, 1}
    assert [file.read_bytes() for file in sorted(other.rglob("*")) if file.is_file()] == before
    assert reading(log) == []


def test_where_it_cannot_be_recorded_it_is_said_and_answered_all_the_same(log: Log) -> None:
    assert log.terminal("user add carol --bot").code == 0
    subprocess.run(["cp", "-a", "audit", "older"], cwd=log.state, check=True)
    assert log.terminal("user add dave --bot").code == 0
    shutil.rmtree(log.state / "audit")
    (log.state / "older").rename(log.state / "audit")
    for line in READ:
        said = log.terminal(line)
        assert said.code in {0, 1}, said.err
        assert "that you read the audit log is not on record" in said.err
        assert said.out
    assert reading(log) == []
