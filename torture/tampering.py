"""The tamper matrix: every way to change what a log says, done to a real one, and by what it is found and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stockade.audit.clerk import Rhythm
from stockade.audit.cosigning import cosign
from stockade.audit.durable import Swapped
from stockade.audit.keys import ED25519, MLDSA44, PrivateKey, PublicKey
from stockade.audit.layout import CHECKPOINT, heads_in, history_path, segment_path, segments_in
from stockade.audit.log import AuditLog
from stockade.audit.note import Note
from stockade.audit.prove import newest_head
from stockade.audit.reading import entries
from stockade.audit.shown import compare_shown
from stockade.audit.verify import Report, verify
from stockade.audit.witness import Witness, witness_keys
from stockade.errors import Tampered
from stockade.events import Event, Ref
from stockade.search.index import Index
from stockade.search.parse import parse

ORIGIN: Final = "audit.example.com/node1"
NOW: Final = 1_800_000_000.0
ALICE: Final = Ref("stockade", "user", "alice")
CALM: Final = Rhythm(segment_size=20_000, sign_within=3600.0, heartbeat=60.0)


@dataclass
class Scene:
    """A log of several segments, its signer, and what its owner keeps elsewhere: the key, a head, a witness."""

    place: Path
    clock: list[float] = field(default_factory=lambda: [NOW])

    def __post_init__(self) -> None:
        self.log, self.state = self.place / "log", self.place / "signer"
        AuditLog.create(self.log, self.state, origin=ORIGIN)
        self.keys = [PublicKey.parse(line) for line in (self.state / "key.pub").read_text().splitlines()]
        self.grow(0)
        shutil.copytree(self.log, self.place / "log-then")
        shutil.copytree(self.state, self.place / "signer-then")
        self.grow(300)
        self.remembered, _ = newest_head(self.log)
        self.witness = Witness(
            witness_keys("witness.example/w1"), {ORIGIN: self.keys}, lambda _: Swapped(self.place / "seen")
        )

    def grow(self, first: int, count: int = 300) -> None:
        """Events, in batches that fill segments."""
        with AuditLog(self.log, self.state, rhythm=CALM, clock=lambda: self.clock[0]) as log:
            for number in range(first, first + count):
                event = Event(self.clock[0], "token.create", ALICE, source="203.0.113.9", details={"n": number})
                log.append(event) if number % 50 == 49 else log.offer(event)

    def verify(self, log: Path | None = None, **given: object) -> Report:
        return verify(log or self.log, self.keys, **given)  # type: ignore[arg-type]

    def ask_witness(self, log: Path) -> None:
        cosign(log, self.witness.public_keys, lambda body: self.witness.add_checkpoint(body, NOW))

    def segment(self, number: int) -> Path:
        path = self.log / segment_path(segments_in(self.log)[number])
        path.chmod(0o600)
        return path

    def lines(self, number: int, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Rewrite a segment line by line."""
        path = self.segment(number)
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


Attack = Callable[[Scene], object]


@dataclass(frozen=True)
class Row:
    """One class of tampering: what is done, who finds it out, and what the message must say."""

    name: str
    attack: Attack
    found_by: str
    find: Attack
    named: str


def edit(scene: Scene) -> None:
    scene.lines(1, lambda old: [old[0].replace(b"203.0.113.9", b"203.0.113.8"), *old[1:]])


def insert(scene: Scene) -> None:
    scene.lines(0, lambda old: [*old[:5], old[5].replace(b"alice", b"mally"), *old[5:]])


def reorder(scene: Scene) -> None:
    scene.lines(0, lambda old: [*old[:5], old[6], old[5], *old[7:]])


def swap_segments(scene: Scene) -> None:
    one, two = scene.segment(0), scene.segment(1)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def flip_tile(scene: Scene) -> None:
    path = scene.log / "tile/0/001"
    raw = path.read_bytes()
    path.write_bytes(raw[:70] + bytes([raw[70] ^ 1]) + raw[71:])


def roll_back_head(scene: Scene) -> None:
    shutil.copy(scene.log / history_path(heads_in(scene.log)[0]), scene.log / CHECKPOINT)


def roll_back_everything(scene: Scene) -> None:
    shutil.rmtree(scene.log)
    shutil.copytree(scene.place / "log-then", scene.log)


def fork(scene: Scene) -> None:
    """With the stolen keys and the log of then, another future is signed, and put in the place of the log."""
    thief = Scene.__new__(Scene)
    thief.log, thief.state, thief.clock = scene.place / "log-then", scene.place / "signer-then", [NOW]
    thief.grow(600, 400)
    shutil.rmtree(scene.log)
    shutil.copytree(thief.log, scene.log)


def witnessed_fork(scene: Scene) -> None:
    scene.ask_witness(scene.log)
    fork(scene)


def swap_keys(scene: Scene) -> None:
    """A log of the same name is made anew, and signed with keys of the thief."""
    shutil.rmtree(scene.log)
    other = scene.place / "other-signer"
    AuditLog.create(scene.log, other, origin=ORIGIN)
    with AuditLog(scene.log, other, clock=lambda: NOW) as log:
        log.append(Event(NOW, "token.create", ALICE))


def forge_head(scene: Scene) -> None:
    head, _ = newest_head(scene.log)
    keys = [PrivateKey.generate(ORIGIN, ED25519), PrivateKey.generate(ORIGIN, MLDSA44)]
    (scene.log / CHECKPOINT).write_bytes(bytes(Note.signed(head.text, keys, NOW)))


def change_head(scene: Scene) -> None:
    head, raw = newest_head(scene.log)
    (scene.log / CHECKPOINT).write_bytes(raw.replace(f"\n{head.size}\n".encode(), f"\n{head.size - 1}\n".encode()))


def use_old_keys(scene: Scene) -> None:
    """After a change of keys, the old ones sign on."""
    old = [PrivateKey.parse(line) for line in (scene.state / "key").read_text().splitlines()]
    with AuditLog(scene.log, scene.state, rhythm=CALM, clock=lambda: NOW) as log:
        log.rotate()
    kept = scene.log / history_path(heads_in(scene.log)[-1])
    kept.unlink()
    head, _ = newest_head(scene.log)
    (scene.log / CHECKPOINT).write_bytes(bytes(Note.signed(head.text, old, NOW)))


def edit_copy(scene: Scene) -> None:
    """The log is right; what was carried elsewhere is not."""
    copy = shutil.copytree(scene.log, scene.place / "carried")
    path = copy / segment_path(segments_in(copy)[0])
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"n":3}', b'"n":4}'))


def edit_index(scene: Scene) -> None:
    with Index(str(scene.place / "index.db")) as index:
        index.catch_up(ORIGIN, lambda start: entries(scene.log, start))
    with closing(sqlite3.connect(scene.place / "index.db")) as database, database:
        database.execute("UPDATE search_entry SET body = replace(body, 'alice', 'nobody') WHERE number = 7")


def show_index(scene: Scene) -> None:
    with Index(str(scene.place / "index.db")) as index:
        compare_shown(scene.log, index.stream(parse("", NOW)))


def move_clock(scene: Scene) -> None:
    """The clock is set back while the log is written, so that what follows seems older."""
    scene.clock[0] -= 7200
    scene.grow(600, 50)


def heard(scene: Scene) -> None:
    """What the log says against itself is a remark of the report, for nothing in it is other than it was signed."""
    remarks = [remark for remark in scene.verify().remarks if "the clock went back" in remark]
    if remarks:
        raise Tampered(remarks[0])


def check(scene: Scene) -> None:
    scene.verify()


def check_with_head(scene: Scene) -> None:
    scene.verify(remembered=[scene.remembered])


def check_copy(scene: Scene) -> None:
    scene.verify(scene.place / "carried")


def go_on(scene: Scene) -> None:
    scene.grow(900)


def ask_witness(scene: Scene) -> None:
    scene.ask_witness(scene.log)


def delete(scene: Scene) -> None:
    scene.lines(1, lambda old: [*old[:4], *old[5:]])


def cut_tail(scene: Scene) -> None:
    scene.lines(-1, lambda old: old[:-2])


def cut_head(scene: Scene) -> None:
    scene.segment(0).unlink()


def remove_segment(scene: Scene) -> None:
    scene.segment(1).unlink()


KEY: Final = "verify, with the public key"
HEAD: Final = "verify, with a head that was written down"
OTHER_KEY: Final = "is not signed with .*, but with"

MATRIX: Final = (
    Row("edit", edit, KEY, check, r"entry \d+ was changed \(segments/"),
    Row("delete", delete, KEY, check, r"entry \d+ was deleted"),
    Row("insert", insert, KEY, check, "a line was put in before entry 5"),
    Row("reorder", reorder, KEY, check, "entry 5 (was deleted|stands in the place of entry 6)"),
    Row("tail cut", cut_tail, KEY, check, r"entries \d+ to \d+ are missing: the tail was cut"),
    Row("head cut", cut_head, KEY, check, r"entries 0 to \d+ are missing"),
    Row("segment removed", remove_segment, KEY, check, r"entries \d+ to \d+ are missing from the end of"),
    Row("segment swap", swap_segments, KEY, check, "the order was changed"),
    Row("tile flip", flip_tile, KEY, check, "tile/0/001 was changed, while every entry is as it was signed"),
    Row("head changed", change_head, KEY, check, "does not fit what is signed"),
    Row("checkpoint rollback", roll_back_head, KEY, check, "it was put back"),
    Row("whole-directory rollback", roll_back_everything, HEAD, check_with_head, "it was put back to an older state"),
    Row(
        "whole-directory rollback, gone on with", roll_back_everything, "the signer", go_on, "does not lead to the head"
    ),
    Row("fork with the stolen key", fork, HEAD, check_with_head, "another log, signed with the same key"),
    Row("fork with the stolen key, witnessed", witnessed_fork, "a witness", ask_witness, "does not see .* continue"),
    Row("key swap", swap_keys, KEY, check, OTHER_KEY),
    Row("head forged with another key", forge_head, KEY, check, OTHER_KEY),
    Row("old keys used after a change of keys", use_old_keys, KEY, check, "keys that had been given up"),
    Row("sink copy edited", edit_copy, "verify of the copy", check_copy, r"entry \d+ was changed"),
    Row("index edited", edit_index, "the index held against the log", show_index, "entry 7 is shown otherwise"),
    Row("clock moved", move_clock, "verify, as a remark", heard, r"the clock went back from .* to .* at entry \d+"),
)


def attempted(row: Row, place: Path) -> str:
    """What was said about it; nothing when it was not found."""
    scene = Scene(place)
    untouched = scene.verify(remembered=[scene.remembered])
    if untouched.remarks:
        raise AssertionError(f"a log that nobody touched: {untouched.remarks}")
    row.attack(scene)
    try:
        row.find(scene)
    except Tampered as error:
        return error.message
    return ""
