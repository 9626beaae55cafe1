"""Whatever is done to the files of a log is found and named, by somebody who has nothing but them and a public key."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import ED25519, PrivateKey, PublicKey
from stockade.audit.layout import ROTATED, heads_in, history_path, segments_in
from stockade.audit.log import AuditLog
from stockade.audit.note import Note
from stockade.audit.reading import entries
from stockade.audit.verify import verify
from stockade.errors import ConfigurationError, Tampered
from tests.audit.conftest import NOW, ORIGIN, Stage, event


def head_of(log: Path) -> Checkpoint:
    return Checkpoint.parse(Note.parse((log / "checkpoint").read_bytes()).text)


def found(stage: Stage, **given: object) -> str:
    with pytest.raises(Tampered) as tampered:
        stage.verify(**given)
    assert tampered.value.remedy
    return tampered.value.message


def test_a_log_that_nobody_touched_is_right_and_says_what_cannot_be_known(filled: Stage) -> None:
    report = filled.verify(now=NOW + 1)
    assert report.head.size == len(filled.actions()) == 709
    assert report.segments == len(segments_in(filled.path)) > 3
    assert report.heads == len(heads_in(filled.path)) + 1
    assert report.signed_at == int(NOW)
    assert report.remarks == ()
    said = " ".join(report.unchecked)
    for doubt in ("put back to an older state", "no witness", "never reported"):
        assert doubt in said


# ── entries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [0, 1, -2, -1])
def test_a_changed_octet_names_the_entry(filled: Stage, number: int) -> None:
    lines = filled.lines(number)
    at = len(lines) // 2
    first = segments_in(filled.path)[number]
    lines[at] = lines[at].replace(b'"outcome":"success"', b'"outcome":"failure"')
    filled.rewrite(lines, number)
    assert found(filled).startswith(
        f"entry {first + at} was changed ({filled.segment(number).relative_to(filled.path)}"
    )


@pytest.mark.parametrize(
    "change", [lambda old: old[:-1] + b" \n", lambda old: old[:-1] + b"\r\n", lambda old: b" " + old]
)
def test_even_white_space_counts(filled: Stage, change: Callable[[bytes], bytes]) -> None:
    lines = filled.lines(0)
    lines[7] = change(lines[7])
    filled.rewrite(lines, 0)
    assert found(filled).startswith("entry 7 was changed")


def test_a_deleted_line_is_named(filled: Stage) -> None:
    lines = filled.lines(1)
    first = segments_in(filled.path)[1]
    del lines[5]
    filled.rewrite(lines, 1)
    assert found(filled).startswith(f"entry {first + 5} was deleted")


def test_a_deleted_line_is_named_when_the_numbers_were_put_right(filled: Stage) -> None:
    lines = filled.lines(0)
    del lines[5]
    renumbered = [
        line.replace(b'{"seq":%d,' % (at + 1), b'{"seq":%d,' % at) for at, line in enumerate(lines) if at >= 5
    ]
    filled.rewrite(lines[:5] + renumbered, 0)
    assert "missing from the end of" in found(filled)


def test_a_line_put_in_is_named(filled: Stage) -> None:
    lines = filled.lines(0)
    lines.insert(5, lines[5].replace(b"alice", b"mallory"))
    filled.rewrite(lines, 0)
    assert found(filled).startswith("a line was put in before entry 5")


def test_another_order_is_named(filled: Stage) -> None:
    lines = filled.lines(0)
    lines[5], lines[9] = lines[9], lines[5]
    filled.rewrite(lines, 0)
    assert found(filled).startswith("entry 5 stands in the place of entry 9")


def test_a_cut_tail_is_named(filled: Stage) -> None:
    lines = filled.lines()
    filled.rewrite(lines[:-3])
    assert found(filled).startswith("entries 706 to 708 are missing: the tail was cut")


def test_a_tail_cut_within_a_line_is_named(filled: Stage) -> None:
    path = filled.segment()
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    assert found(filled).startswith("entries 708 to 708 are missing: the tail was cut")


def test_a_deleted_last_segment_is_a_cut_tail(filled: Stage) -> None:
    first = segments_in(filled.path)[-1]
    filled.segment().unlink()
    assert found(filled).startswith(f"entries {first} to 708 are missing: the tail was cut")


def test_a_cut_head_is_named(filled: Stage) -> None:
    second = segments_in(filled.path)[1]
    filled.segment(0).unlink()
    assert found(filled).startswith(f"entries 0 to {second - 1} are missing")


def test_a_segment_missing_between_others_is_named(filled: Stage) -> None:
    first, second = segments_in(filled.path)[1:3]
    filled.segment(1).unlink()
    assert found(filled).startswith(f"entries {first} to {second - 1} are missing")


def test_swapped_segments_are_named(filled: Stage) -> None:
    one, two = filled.segment(0), filled.segment(1)
    kept = one.read_bytes()
    filled.rewrite([two.read_bytes()], 0)
    filled.rewrite([kept], 1)
    assert "the order was changed" in found(filled)


def test_lines_behind_a_closed_segment_are_named(filled: Stage) -> None:
    filled.rewrite([*filled.lines(0), filled.lines(1)[0]], 0)
    assert "lines behind entry" in found(filled)


# ── tiles ────────────────────────────────────────────────────────────────────────────────────────


def tiles_in(log: Path) -> list[Path]:
    return [path for path in sorted((log / "tile").rglob("*")) if path.is_file()]


def test_a_changed_tile_is_named_and_the_entries_are_cleared(filled: Stage) -> None:
    for name in ("tile/0/000", "tile/0/001", "tile/0/002.p/197", "tile/1/000.p/2"):
        path = filled.path / name
        kept = path.read_bytes()
        path.write_bytes(kept[:40] + bytes([kept[40] ^ 1]) + kept[41:])
        assert found(filled).startswith(f"{name} was changed, while every entry is as it was signed")
        path.write_bytes(kept)
    filled.verify()


def test_a_missing_tile_is_named(filled: Stage) -> None:
    (filled.path / "tile/0/001").unlink()
    assert found(filled).startswith("tile/0/001 is missing")


def test_an_entry_changed_together_with_its_tile_is_found(filled: Stage) -> None:
    lines = filled.lines(0)
    lines[7] = lines[7].replace(b"alice", b"mallo")
    filled.rewrite(lines, 0)
    for path in tiles_in(filled.path):
        path.write_bytes(b"\0" * path.stat().st_size)
    assert found(filled).startswith("at or before entry 0, the entries and the tiles both differ from what was signed")


# ── heads and keys ───────────────────────────────────────────────────────────────────────────────


def test_a_log_replaced_by_another_of_the_same_name_is_found(filled: Stage, tmp_path: Path) -> None:
    other = Stage(tmp_path / "other", tmp_path / "other-signer")
    AuditLog.create(other.path, other.state, origin=ORIGIN)
    with other.open() as log:
        log.append(event(1))
    mine = filled.keys
    with pytest.raises(Tampered, match="is not signed with"):
        verify(other.path, mine)


def test_a_head_signed_again_with_another_key_is_found(filled: Stage) -> None:
    thief = PrivateKey.generate(ORIGIN, ED25519)
    head = head_of(filled.path)
    (filled.path / "checkpoint").write_bytes(bytes(Note.signed(head.text, [thief], NOW)))
    assert f"but with {ORIGIN}+{thief.public_key.id.hex()}" in found(filled)


def test_one_of_two_signatures_is_not_enough(filled: Stage) -> None:
    note = Note.parse((filled.path / "checkpoint").read_bytes())
    for kept in note.signatures:
        (filled.path / "checkpoint").write_bytes(bytes(Note(note.text, (kept,))))
        assert "is not signed with" in found(filled)


def test_a_changed_head_is_found(filled: Stage) -> None:
    path = filled.path / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n709\n", b"\n708\n"))
    assert "does not fit what is signed" in found(filled)


@pytest.mark.parametrize("text", [b"", b"nonsense", b"a\n1\nAAAA\n\n\xe2\x80\x94 a AAAAAAA=\n"])
def test_a_head_that_is_none_is_found(filled: Stage, text: bytes) -> None:
    (filled.path / "checkpoint").write_bytes(text)
    with pytest.raises(Tampered, match=r"note|checkpoint|signature"):
        filled.verify()


def test_a_missing_head_is_found(filled: Stage) -> None:
    (filled.path / "checkpoint").unlink()
    assert "has no signed head" in found(filled)


def test_an_older_head_put_back_is_found_by_the_ones_that_were_kept(filled: Stage) -> None:
    oldest = heads_in(filled.path)[0]
    shutil.copy(filled.path / history_path(oldest), filled.path / "checkpoint")
    assert "it was put back" in found(filled)


def test_a_kept_head_of_another_log_is_found(filled: Stage, tmp_path: Path) -> None:
    path = filled.path / history_path(heads_in(filled.path)[0])
    path.write_bytes(path.read_bytes().replace(b"\n", b"x\n", 1))
    assert found(filled)


def test_a_directory_put_back_as_a_whole_is_found_by_a_head_that_was_written_down(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    old = stage.copy("backup")
    with stage.open() as log:
        log.append(event(2))
    remembered = head_of(stage.path)
    stage.put_back(old)
    stage.verify()
    assert found(stage, remembered=[remembered]).endswith("it was put back to an older state")


def test_a_fork_with_the_stolen_key_is_found_by_a_head_that_was_written_down(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    log_then, state_then = stage.copy("stolen"), shutil.copytree(stage.state, stage.state.parent / "stolen-signer")
    with stage.open() as log:
        log.append(event(2))
    remembered = head_of(stage.path)
    thief = Stage(log_then, Path(state_then))
    with thief.open() as log:
        log.append(event(666))
    with thief.open() as log:
        log.append(event(667))
    thief.verify()
    assert "another log, signed with the same key" in found(thief, remembered=[remembered])


def test_a_remembered_head_of_another_log_is_the_mistake_of_whoever_gives_it(filled: Stage) -> None:
    with pytest.raises(ConfigurationError, match="a head of elsewhere"):
        filled.verify(remembered=[Checkpoint("elsewhere", 1, bytes(32))])


def test_without_a_key_nothing_is_verified(filled: Stage) -> None:
    with pytest.raises(ConfigurationError, match="no public key"):
        verify(filled.path, [])


# ── changes of keys ──────────────────────────────────────────────────────────────────────────────


def rotated(stage: Stage) -> list[PublicKey]:
    """A log whose keys were changed twice; answers the first ones."""
    first = stage.keys
    with stage.open() as log:
        log.append(event(1))
        log.rotate()
        log.append(event(2))
        log.rotate()
        log.append(event(3))
    return first


def test_the_first_keys_are_enough_for_ever_and_so_are_the_newest(stage: Stage) -> None:
    first = rotated(stage)
    assert verify(stage.path, first).keys == tuple(stage.keys)
    assert verify(stage.path, first[:1]).keys == tuple(stage.keys)
    assert stage.verify().keys == tuple(stage.keys)
    assert stage.actions().count(ROTATED) == 2
    assert first != stage.keys


def test_without_the_head_that_introduced_them_new_keys_count_for_nothing(stage: Stage) -> None:
    first = rotated(stage)
    (stage.path / history_path(heads_in(stage.path)[0])).unlink()
    with pytest.raises(Tampered):
        verify(stage.path, first)


def test_who_has_stolen_the_old_keys_cannot_go_on_with_them(stage: Stage) -> None:
    first = stage.keys
    old = [PrivateKey.parse(line) for line in (stage.state / "key").read_text().splitlines()]
    with stage.open() as log:
        log.rotate()
        log.append(event(2))
    (stage.path / history_path(heads_in(stage.path)[0])).unlink()
    head = head_of(stage.path)
    (stage.path / "checkpoint").write_bytes(bytes(Note.signed(head.text, old, NOW)))
    with pytest.raises(Tampered, match="keys that had been given up"):
        verify(stage.path, first)


def test_nobody_can_introduce_keys_by_reporting_an_event(stage: Stage) -> None:
    with stage.open() as log, pytest.raises(ValueError, match="only the log itself"):
        log.append(event(1, ROTATED))


# ── what the log says against itself ─────────────────────────────────────────────────────────────


def test_a_silence_longer_than_the_promised_signs_of_life_is_mentioned(stage: Stage) -> None:
    moment = [NOW]
    with stage.open(clock=lambda: moment[0], heartbeat=60.0) as log:
        log.append(event(1))
        moment[0] += 3600
        log.append(event(2))
    (remark,) = stage.verify().remarks
    assert "nothing was recorded from 2027-01-15T08:00:00.000000Z to 2027-01-15T09:00:00.000000Z" in remark


def test_a_log_that_was_closed_may_be_silent(stage: Stage) -> None:
    with stage.open(heartbeat=60.0) as log:
        log.append(event(1))
    with stage.open(clock=lambda: NOW + 86_400, heartbeat=60.0) as log:
        log.append(event(2))
    assert stage.verify().remarks == ()


def test_a_clock_that_was_set_back_is_mentioned(stage: Stage) -> None:
    moment = [NOW]
    with stage.open(clock=lambda: moment[0]) as log:
        log.append(event(1))
        moment[0] -= 3600
        log.append(event(2))
    assert stage.said("log.clock") == [{"back": 3600.0, "from": "2027-01-15T08:00:00.000000Z"}]
    assert any("the clock went back" in remark for remark in stage.verify().remarks)


def test_a_log_that_has_stopped_is_mentioned(stage: Stage) -> None:
    log = stage.open(heartbeat=60.0)
    try:
        log.append(event(1))
        log.sign()
        assert any("it is not running" in remark for remark in stage.verify(now=NOW + 3600).remarks)
        assert stage.verify(now=NOW + 10).remarks == ()
    finally:
        log.close()


def test_entries_that_are_not_signed_yet_are_counted(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
        log.append(event(2))
        report = stage.verify()
        assert report.unsigned == 2
        assert "the last 2 entries: they are not signed yet" in report.unchecked


def test_a_witness_that_has_signed_the_head_takes_a_doubt_away(filled: Stage) -> None:
    witness = PrivateKey.generate("witness.example/w1", 0x04)
    note = Note.parse((filled.path / "checkpoint").read_bytes())
    signed = Note.signed(note.text, [witness], NOW).signatures
    (filled.path / "checkpoint").write_bytes(bytes(Note(note.text, note.signatures + signed)))
    assert not any("witness" in doubt for doubt in filled.verify(witnesses=[witness.public_key]).unchecked)


def test_a_log_can_be_verified_while_it_is_written(stage: Stage) -> None:
    with stage.open(segment_size=3000, sign_after=7, sign_within=0.001) as log:
        sizes = list[int]()
        while len(sizes) < 30 or len(set(sizes)) < 10 or sizes[-1] <= 256:  # heads are signed at the machine's pace
            for number in range(40):
                log.offer(event(number))
            log.append(event(40))
            sizes.append(stage.verify().head.size)
    assert sizes == sorted(sizes)


def test_the_verifier_loads_nothing_of_the_writer() -> None:
    code = (
        "import sys, stockade.audit.verify; print(*sorted(m for m in sys.modules if m.startswith('stockade.audit.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    writers = {"log", "clerk", "writer", "signer", "segments", "recovery", "waiting", "durable"}
    assert not {name.rpartition(".")[2] for name in loaded} & writers


def test_what_was_recorded_comes_out_again(filled: Stage) -> None:
    by_number = {entry.event.details.get("n"): entry.event for entry in entries(filled.path, 0)}
    assert by_number[42] == event(42)
