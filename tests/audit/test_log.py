"""What was answered is on disk, whatever happens next; what did not get there is counted, and nothing is silent."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stockade.audit.layout import CLOSED, GAP, HEARTBEAT, OPENED, REPAIRED, segments_in
from stockade.audit.log import AuditLog
from stockade.audit.reading import entries, line_at, lines
from stockade.errors import ConfigurationError, Tampered, Unavailable
from stockade.events import Entry, Event, Ref
from tests.audit.conftest import ALICE, NOW, ORIGIN, Stage, event
from tests.servers.processes import wait_until

# ── in ordinary times ────────────────────────────────────────────────────────────────────────────


def test_append_answers_the_number_of_the_entry(stage: Stage) -> None:
    with stage.open() as log:
        numbers = [log.append(event(n)) for n in range(3)]
    assert numbers == [1, 2, 3]
    assert stage.actions() == [OPENED, *["token.create"] * 3, CLOSED]
    assert next(entries(stage.path, 2)) == Entry(2, NOW, event(1))


def test_many_threads_share_the_syncs_and_each_gets_its_own_number(stage: Stage) -> None:
    numbers = list[tuple[int, int]]()

    def work(who: int) -> None:
        numbers.extend((log.append(event(who * 100 + n)), who * 100 + n) for n in range(20))

    with stage.open() as log:
        threads = [threading.Thread(target=work, args=(who,)) for who in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({number for number, _ in numbers}) == 320
    there = {entry.index: entry.event.details.get("n") for entry in entries(stage.path, 0)}
    assert all(there[number] == n for number, n in numbers)
    assert stage.verify().head.size == 322


def test_an_event_can_be_submitted_with_a_word_for_later(stage: Stage) -> None:
    heard = list[int]()
    with stage.open() as log:
        log.submit(event(1), lambda waiting: heard.append(waiting.index))
        log.append(event(2))
    assert heard == [1]


def test_an_event_that_is_recorded_leaves_nothing_to_the_garbage_collector(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(0))
        gc.collect()
        gc.disable()
        try:
            for number in range(300):
                log.submit(event(number), lambda _: None)
            log.append(event(300))
            assert gc.collect() < 100
        finally:
            gc.enable()


def test_heads_are_signed_by_themselves_soon_after_an_entry(stage: Stage) -> None:
    with stage.open(sign_within=0.05) as log:
        log.append(event(1))
        wait_until(lambda: stage.verify().head.size == 2, "the log has not followed")


def test_heads_are_signed_by_themselves_after_so_many_entries(stage: Stage) -> None:
    with stage.open(sign_after=10) as log:
        for number in range(12):
            log.append(event(number))
        wait_until(lambda: stage.verify().head.size >= 10, "the log has not followed")


def test_a_sign_of_life_is_given_when_nothing_happens(stage: Stage) -> None:
    with stage.open(heartbeat=0.05, sign_within=0.01):
        wait_until(
            lambda: stage.actions().count(HEARTBEAT) >= 2 and stage.verify().head.size >= 3, "the log has not followed"
        )


def test_segments_are_closed_when_they_are_full_and_cannot_be_written_any_more(filled: Stage) -> None:
    assert len(segments_in(filled.path)) > 3
    assert {filled.segment(number).stat().st_mode & 0o777 for number in (0, 1, 2)} == {0o400}
    assert all(filled.segment(number).stat().st_size >= 40_000 for number in (0, 1, 2))


def test_any_entry_can_be_found_by_its_number(filled: Stage) -> None:
    everything = list(lines(filled.path, 0))
    assert [line_at(filled.path, number) for number in range(709)] == everything
    for start, end in ((0, 709), (100, 500), (350, 351), (708, 2000)):
        assert list(lines(filled.path, start, end)) == everything[start:end]
    with pytest.raises(ConfigurationError, match="no entry 709"):
        line_at(filled.path, 709)


def test_that_somebody_reads_is_recorded(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
        assert [entry.event for entry in log.read(1, 2, reader=ALICE)] == [event(1)]
    (read,) = [entry.event for entry in entries(stage.path, 0) if entry.event.action == "log.read"]
    assert (read.actor, read.details) == (ALICE, {"from": 1, "to": 1})


def test_a_log_goes_on_where_it_was_closed(stage: Stage) -> None:
    for number in range(5):
        with stage.open(segment_size=600) as log:
            log.append(event(number))
    assert stage.actions() == [OPENED, "token.create", CLOSED] * 5
    assert stage.verify().head.size == 15


def test_one_process_writes_a_log_at_a_time(stage: Stage) -> None:
    with stage.open() as log:
        with pytest.raises(Unavailable, match="another process writes"):
            stage.open()
        log.append(event(1))
    stage.open().close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_is_told_that_the_log_is_its_parents(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
        child = os.fork()
        if not child:
            try:
                log.append(event(2), timeout=1.0)
            except Unavailable as error:
                os._exit(0 if "the parent of this process" in error.message else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        log.append(event(3))
    assert stage.verify().head.size == 4


def test_a_closed_log_takes_nothing_and_says_so(stage: Stage) -> None:
    log = stage.open()
    log.close()
    log.close()
    with pytest.raises(Unavailable, match="closed"):
        log.append(event(1))
    with pytest.raises(Unavailable, match="closed"):
        log.sign()
    log.offer(event(2))


def test_a_log_is_not_made_over_another(stage: Stage, tmp_path: Path) -> None:
    stage.open().close()
    with pytest.raises(ConfigurationError, match="is not empty"):
        AuditLog.create(stage.path, tmp_path / "new", origin=ORIGIN)
    with pytest.raises(ConfigurationError, match="already holds the key"):
        AuditLog.create(tmp_path / "new", stage.state, origin=ORIGIN)


def test_a_log_that_is_not_there_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no log"):
        AuditLog(tmp_path / "log", tmp_path / "signer")
    (tmp_path / "log").mkdir()
    with pytest.raises(ConfigurationError, match="holds no key"):
        AuditLog(tmp_path / "log", tmp_path / "signer")


def test_the_private_keys_are_for_nobody_else(stage: Stage) -> None:
    assert (stage.state / "key").stat().st_mode & 0o777 == 0o600
    assert stage.state.stat().st_mode & 0o777 == 0o700
    secret = (stage.state / "key").read_text().strip().split("+", 4)[-1].encode()
    stage.open().close()
    assert not any(secret in path.read_bytes() for path in stage.path.rglob("*") if path.is_file())


def test_an_event_of_a_stranger_cannot_keep_itself_out_of_the_log(stage: Stage) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    strange = [
        Event(NOW, "a.b", details={"huge": "x" * 200_000}),
        Event(NOW, "a.b", details={"nan": float("nan")}),
        Event(NOW, "a.b", details={"object": object()}),
        Event(NOW, "a.b", details=loop),
        Event(NOW, "a.b" * 50_000, Ref("s", "k", "i" * 50_000), details={"\ud800": "\ud800\x1b[2J\n"}),
    ]
    with stage.open() as log:
        for each in strange:
            log.append(each)
        with pytest.raises(ValueError, match="not a time"):
            log.append(Event(1e30, "a.b"))
    assert stage.verify().head.size == 7
    assert all(len(line) < 65_536 and line.isascii() and b"\x1b" not in line for line in lines(stage.path, 0))
    read = [entry.event for entry in entries(stage.path, 0)]
    assert read[1].details["oversize"]["octets"] > 200_000  # type: ignore[index]


# ── when the disk refuses ────────────────────────────────────────────────────────────────────────


@contextmanager
def disk_full_at(octets: int) -> Iterator[None]:
    """No file may grow beyond this, so that a write is cut short and then refused, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_refuses_who_waits_keeps_who_does_not_and_is_recorded_when_there_is_room(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
        size = stage.segment().stat().st_size
        with disk_full_at(size + 100):
            for number in (2, 3):
                with pytest.raises(Unavailable, match="cannot be written: File too large"):
                    log.append(event(number))
                assert stage.segment().stat().st_size == size
            log.offer(event(4))
        wait_until(lambda: "log.gap" in stage.actions(), "the log has not followed")
        log.append(event(5))
    numbers = [entry.event.details["n"] for entry in entries(stage.path, 0) if entry.event.actor]
    assert numbers == [1, 4, 5]
    (gap,) = stage.said(GAP)
    assert (gap["refused"], gap["lost"], gap["what"]) == (2, 0, "File too large")
    assert any(GAP in remark for remark in stage.verify().remarks)


def test_what_finds_no_room_in_memory_is_counted(stage: Stage) -> None:
    log = AuditLog(stage.path, stage.state, most_waiting=3, clock=lambda: NOW)
    try:
        with disk_full_at(stage.segment().stat().st_size):
            for number in range(20):
                log.offer(event(number))
            with pytest.raises(Unavailable):
                log.append(event(99))
        wait_until(lambda: "log.gap" in stage.actions(), "the log has not followed")
    finally:
        log.close()
    (gap,) = stage.said(GAP)
    recorded = [entry for entry in entries(stage.path, 0) if entry.event.actor]
    assert len(recorded) + int(str(gap["lost"])) + int(str(gap["refused"])) == 21
    assert gap["lost"]


def test_who_has_no_time_is_told_whether_it_is_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.audit.log.RETRY", 2.0)  # so that nobody tries again meanwhile
    with stage.open() as log:
        with disk_full_at(stage.segment().stat().st_size):
            with pytest.raises(Unavailable):
                log.append(event(1))
            with pytest.raises(Unavailable, match=r"did not answer within 0\.01 s; the event is not recorded"):
                log.append(event(2), timeout=0.01)
        log.append(event(3))
    assert [entry.event.details["n"] for entry in entries(stage.path, 0) if entry.event.actor] == [3]


# ── when somebody lays hands on the file that is being written ───────────────────────────────────


def mended(stage: Stage, log: AuditLog) -> str:
    """Go on, and answer what the log says was done to it."""
    log.append(event(50))
    log.sign()
    log.append(event(51))
    log.close()
    recorded = [entry.event.details["n"] for entry in entries(stage.path, 0) if entry.event.actor]
    assert recorded == [1, 2, 50, 51]
    remark = stage.verify().remarks[0]
    (said,) = stage.said(REPAIRED)
    assert (stage.path / str(said["kept"])).exists()
    assert REPAIRED in remark
    return str(said["what"])


@pytest.fixture
def halfway(stage: Stage) -> AuditLog:
    """An open log with an entry that is signed, and one that is not."""
    log = stage.open()
    log.append(event(1))
    log.sign()
    log.append(event(2))
    return log


def test_a_deleted_segment_is_put_back(stage: Stage, halfway: AuditLog) -> None:
    stage.segment().unlink()
    assert mended(stage, halfway) == "the segment was deleted while it was being written"


def test_a_replaced_segment_is_put_back(stage: Stage, halfway: AuditLog) -> None:
    path = stage.segment()
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"nothing happened\n")
    assert mended(stage, halfway) == "the segment was replaced while it was being written"


def test_lines_of_a_stranger_are_taken_away(stage: Stage, halfway: AuditLog) -> None:
    with stage.segment().open("ab") as file:
        file.write(b"mallory was never here\n")
    assert mended(stage, halfway) == "the segment was lengthened while it was being written"


def test_what_is_done_to_the_files_just_before_the_end_is_said_before_the_end(stage: Stage, halfway: AuditLog) -> None:
    path = stage.segment()
    path.rename(path.with_suffix(".old"))
    path.write_bytes(path.with_suffix(".old").read_bytes().replace(b"alice", b"malory"))
    halfway.close()
    assert stage.actions()[-2:] == [REPAIRED, CLOSED]
    assert stage.verify().unsigned == 0


def test_a_tail_that_was_cut_before_it_was_signed_is_put_back(stage: Stage, halfway: AuditLog) -> None:
    os.truncate(stage.segment(), stage.segment().stat().st_size - 20)
    assert mended(stage, halfway) == "the segment was shortened while it was being written"


def test_an_entry_changed_before_it_was_signed_is_put_right_before_signing(stage: Stage, halfway: AuditLog) -> None:
    with stage.segment().open("r+b") as file:
        file.seek(-30, os.SEEK_END)
        file.write(b"!")
    halfway.sign()
    assert mended(stage, halfway) == "the segment did not read as it was written"


def test_entries_that_are_gone_for_good_leave_a_gap_that_is_said_and_found(stage: Stage, halfway: AuditLog) -> None:
    os.truncate(stage.segment(), 10)
    halfway.append(event(50))
    halfway.close()
    (gap,) = stage.said(GAP)
    assert (gap["from"], gap["to"]) == (0, 1)
    with pytest.raises(Tampered, match=r"entries 0 to 1 are missing from the end of segments/0{20}\.jsonl"):
        stage.verify()
    recorded = [entry.event.details["n"] for entry in entries(stage.path, 2) if entry.event.actor]
    assert recorded == [2, 50]


ENDING = """
import sys, threading, time
from pathlib import Path
from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event
log = AuditLog(Path(sys.argv[1]), Path(sys.argv[2]), rhythm=Rhythm(sign_after=5, sign_within=0.001))
def work():
    time.sleep(0.2)
    for number in range(30):
        log.append(Event(time.time(), "test.step", details={"n": number}))
    log.sign()
    print("signed", flush=True)
threading.Thread(target=work).start()
"""


def test_threads_that_outlive_the_main_thread_still_record_and_have_it_signed(stage: Stage) -> None:
    argv = [sys.executable, "-c", ENDING, str(stage.path), str(stage.state)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "signed\n", done.stderr
    report = stage.verify()
    assert (report.head.size, report.unsigned) == (31, 0)
