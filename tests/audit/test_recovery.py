"""A log goes on after whatever has interrupted it, and not after it was exchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.audit.layout import GAP, REPAIRED, segments_in
from stockade.audit.prove import newest_head
from stockade.audit.reading import entries
from stockade.audit.record import parse
from stockade.audit.recovery import recover
from stockade.audit.verify import verify
from stockade.errors import Tampered, Unavailable
from tests.audit.conftest import Stage, event
from tests.servers.processes import wait_until

# ── when it was interrupted ──────────────────────────────────────────────────────────────────────


@dataclass
class Crash:
    """A log with one signed event and two that are answered only, as it was when the machine stopped."""

    stage: Stage
    before: Path
    signer: dict[Path, bytes]
    whole: bytes
    signed: int

    def at(self, cut: int) -> None:
        """As if only so many octets of the segment had reached the disk."""
        self.stage.put_back(self.before)
        for path, data in self.signer.items():
            path.write_bytes(data)
        os.truncate(self.stage.segment(), cut)

    def answered(self, cut: int) -> int:
        """How many of the events must still be there."""
        return self.whole[:cut].count(b"\n") - 1


@pytest.fixture
def crash(stage: Stage) -> Crash:
    with stage.open() as log:
        log.append(event(1))
        log.sign()
        signed = stage.segment().stat().st_size
        log.append(event(2))
        log.append(event(3))
        kept = {path: path.read_bytes() for path in stage.state.iterdir()}
        before = stage.copy("before")
    whole = (before / stage.segment().relative_to(stage.path)).read_bytes()
    return Crash(stage, before, kept, whole, signed)


def test_a_write_that_was_interrupted_at_any_octet_costs_only_what_was_not_answered(crash: Crash) -> None:
    crash.at(len(crash.whole))
    head = newest_head(crash.before)[0]
    segment = crash.stage.segment()
    for cut in range(crash.signed, len(crash.whole) + 1):
        segment.write_bytes(crash.whole[:cut])
        state = recover(crash.stage.path, head)
        state.segment.close()
        assert [parse(line).event.details["n"] for line in state.unsigned] == [2, 3][: crash.answered(cut) - 1]
        assert len(state.remarks) == (not crash.whole[:cut].endswith(b"\n"))
        assert segment.read_bytes() == crash.whole[: crash.whole[:cut].rfind(b"\n") + 1]


@pytest.mark.parametrize("missing", [0, 1, 2, 100, 240, 241, 242, 243, 300])
def test_a_log_goes_on_after_an_interrupted_write_and_says_what_it_found(crash: Crash, missing: int) -> None:
    stage, cut = crash.stage, len(crash.whole) - missing
    crash.at(cut)
    stage.open().close()
    numbers = [entry.event.details["n"] for entry in entries(stage.path, 0) if entry.event.actor]
    assert numbers == [1, 2, 3][: crash.answered(cut)]
    repaired = stage.said(REPAIRED)
    assert len(stage.verify().remarks) == len(repaired) == (not crash.whole[:cut].endswith(b"\n"))
    assert all((stage.path / str(said["kept"])).stat().st_size == said["octets"] for said in repaired)


WRITER = """
import sys, time
from pathlib import Path
from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event
log = AuditLog(Path(sys.argv[1]), Path(sys.argv[2]), rhythm=Rhythm(sign_within=0.005, segment_size=5000))
for number in range(1_000_000):
    log.append(Event(time.time(), "test.step", details={"n": number, "run": sys.argv[3]}))
    print(number, flush=True)
"""


def test_kill_9_in_the_middle_loses_nothing_that_was_answered_and_raises_no_alarm(stage: Stage) -> None:
    for run in range(12):
        argv = [sys.executable, "-c", WRITER, str(stage.path), str(stage.state), str(run)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(5 + run * 7):
                answered = int(writer.stdout.readline())
            writer.kill()
            answered = max([answered, *map(int, writer.stdout.read().split(b"\n")[:-1])])
        verify(stage.path, stage.keys)
        there = {(e.event.details.get("run"), e.event.details.get("n")) for e in entries(stage.path, 0)}
        assert {(str(run), number) for number in range(answered + 1)} <= there
    stage.open().close()
    assert not any(GAP in remark for remark in stage.verify().remarks)


# ── when it was restored, exchanged or spoilt ────────────────────────────────────────────────────


def test_a_log_restored_from_an_old_copy_is_not_gone_on_with(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    old = stage.copy("backup")
    with stage.open() as log:
        log.append(event(2))
    stage.put_back(old)
    with pytest.raises(Tampered, match="does not lead to the head of 6 entries that was signed last"):
        stage.open()


def test_a_signer_restored_from_an_old_copy_does_not_sign(stage: Stage) -> None:
    stage.open().close()
    old = (stage.state / "head").read_bytes()
    with stage.open() as log:
        log.append(event(1))
    (stage.state / "head").write_bytes(old)
    with pytest.raises(Tampered, match=r"was signed up to 5 entries, and the signer in .* remembers 2"):
        stage.open()


def test_two_signers_of_one_state_cannot_both_sign(stage: Stage) -> None:
    log = stage.open()
    (stage.state / "head").write_bytes(b"")
    with pytest.raises(Tampered, match="is not what this signer has left there"):
        log.sign()
    log.close()


def test_after_tampering_was_noticed_nothing_more_is_recorded(stage: Stage) -> None:
    log = stage.open()
    (stage.state / "head").write_bytes(b"")
    with pytest.raises(Tampered):
        log.sign()
    wait_until(lambda: not log._thread.is_alive(), "the log has not followed")
    with pytest.raises(Tampered):
        log.append(event(1))
    log.close()


def test_tiles_that_are_gone_are_made_again(filled: Stage) -> None:
    for path in (filled.path / "tile").rglob("*.p/*"):
        path.unlink()
    filled.open().close()
    assert filled.said(REPAIRED) == [
        {"what": "tiles did not lead to the signed head and were made again from the entries"}
    ]
    filled.verify()


def test_entries_that_went_missing_while_it_was_closed_leave_a_gap_that_is_said_and_found(filled: Stage) -> None:
    first = segments_in(filled.path)[-1]
    filled.rewrite(filled.lines()[:-3])
    with filled.open() as log:
        log.append(event(9))
    (gap,) = filled.said(GAP)
    assert (gap["from"], gap["to"]) == (first, 708)
    with pytest.raises(Tampered, match="entries 706 to 708 are missing"):
        filled.verify()


def test_without_any_segment_the_log_goes_on_and_says_what_is_gone(filled: Stage) -> None:
    for path in (filled.path / "segments").iterdir():
        path.unlink()
    filled.open().close()
    (gap,) = filled.said(GAP)
    assert (gap["from"], gap["to"]) == (0, 708)
    with pytest.raises(Tampered, match="entries 0 to 708 are missing"):
        filled.verify()


def test_a_spoilt_checkpoint_is_put_back(filled: Stage) -> None:
    (filled.path / "checkpoint").write_bytes(b"rubbish")
    filled.open().close()
    filled.verify()


@pytest.mark.parametrize("at", ["before the entry", "before the head", "after the head"])
def test_a_change_of_keys_that_was_interrupted_is_finished_or_forgotten(stage: Stage, at: str) -> None:
    first = stage.keys
    log = stage.open()
    signer = log._clerk.signer
    if at == "before the entry":
        signer.make_next_keys()
    else:
        signer.change_keys = lambda: (_ for _ in ()).throw(OSError(5, "interrupted"))  # type: ignore[method-assign]
        if at == "before the head":
            signer.sign = lambda *_, **__: (_ for _ in ()).throw(OSError(5, "interrupted"))  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            log.rotate()
    log.close()
    with stage.open() as log:
        log.append(event(1))
    assert (stage.keys != first) == (at != "before the entry")
    verify(stage.path, first)
    with stage.open() as log:
        log.rotate()
    verify(stage.path, first)
