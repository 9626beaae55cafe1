"""A witness signs one history of each log, whoever asks, and in whatever order (C2SP tlog-witness)."""

from __future__ import annotations

import threading
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.cosigning import cosign
from stockade.audit.durable import Swapped
from stockade.audit.keys import COSIGNATURE, ED25519, PrivateKey, PublicKey
from stockade.audit.layout import cosigned_in
from stockade.audit.log import AuditLog
from stockade.audit.merkle import consistency_proof, leaf_hash, root_of, roots_over
from stockade.audit.note import Note
from stockade.audit.prove import newest_head
from stockade.audit.signer import Signer
from stockade.audit.witness import Answer, Request, Witness, memory_name, witness_keys
from stockade.errors import ConfigurationError, Refused, Tampered
from tests.audit.conftest import NOW, ORIGIN, Stage, event

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
LOG_KEY = PrivateKey.generate(ORIGIN, ED25519)
OTHER = [leaf_hash(bytes([number, 1])) for number in range(40)]


@dataclass
class Place:
    """A witness and where it remembers."""

    state: Path
    keys: list[PrivateKey] = field(default_factory=lambda: witness_keys("witness.example/w1"))

    @property
    def witness(self) -> Witness:
        return Witness(self.keys, {ORIGIN: [LOG_KEY.public_key]}, self.memory)

    def memory(self, origin: str) -> Swapped:
        return Swapped(self.state / memory_name(origin))

    def ask(self, body: bytes) -> Answer:
        return self.witness.add_checkpoint(body, NOW)

    def __call__(self, old: int, size: int, leaves: list[bytes] = LEAVES, key: PrivateKey = LOG_KEY) -> Answer:
        return self.ask(asked(old, size, leaves, key))

    @property
    def size(self) -> int:
        raw = self.memory(ORIGIN).read()
        return Checkpoint.parse(Note.parse(raw).text).size if raw else 0


def signed(size: int, leaves: list[bytes] = LEAVES, key: PrivateKey = LOG_KEY, origin: str = ORIGIN) -> Note:
    return Note.signed(Checkpoint(origin, size, root_of(leaves[:size])).text, [key], NOW)


def asked(old: int, size: int, leaves: list[bytes] = LEAVES, key: PrivateKey = LOG_KEY) -> bytes:
    proof = consistency_proof(old, size, roots_over(leaves)) if 0 < old <= size else []
    return bytes(Request(old, tuple(proof), bytes(signed(size, leaves, key))))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_heads_that_continue_each_other_are_cosigned_with_the_time(place: Place) -> None:
    for old, size in ((0, 7), (7, 7), (7, 20), (20, 21)):
        answer = place(old, size)
        assert answer.status == 200
        note = Note.parse(bytes(signed(size)).rpartition(b"\n\n")[0] + b"\n\n" + answer.body.encode())
        assert [(each.key, each.time) for each in note.signers(place.witness.public_keys)] == [
            (key, int(NOW)) for key in place.witness.public_keys
        ]
        assert place.size == size


def test_a_size_that_is_not_the_last_is_answered_with_the_last(place: Place) -> None:
    place(0, 7)
    for old, size in ((0, 7), (0, 20), (6, 20), (8, 20)):
        answer = place(old, size)
        assert (answer.status, answer.body, answer.content_type) == (409, "7\n", "text/x.tlog.size")
        assert not answer.suspicious
    assert place.size == 7


def test_two_logs_of_one_size_and_a_log_that_does_not_continue_are_suspicious(place: Place) -> None:
    place(0, 7)
    same, longer = place(7, 7, OTHER), place(7, 20, OTHER)
    assert (same.status, same.body, same.suspicious) == (409, "7\n", True)
    assert (longer.status, longer.suspicious) == (422, True)
    spoilt = Request(7, (bytes(32),), bytes(signed(20)))
    assert place.ask(bytes(spoilt)).status == 422
    assert place.ask(bytes(Request(0, (bytes(32),), bytes(signed(20))))).status == 409
    assert place.size == 7


def test_a_first_head_needs_no_proof_and_may_have_none(place: Place) -> None:
    assert place.ask(bytes(Request(0, (bytes(32),), bytes(signed(20))))).status == 422
    assert place(0, 20).status == 200


def test_a_step_backwards_an_unknown_log_and_an_unknown_key_are_told_apart(place: Place) -> None:
    assert place(8, 7).status == 400
    assert place(0, 7, key=PrivateKey.generate(ORIGIN, ED25519)).status == 403
    assert place.ask(bytes(Request(0, (), bytes(signed(7, origin="elsewhere.example"))))).status == 404
    note = signed(7)
    other_text = Note(signed(8).text, note.signatures)
    assert place.ask(bytes(Request(0, (), bytes(other_text)))).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"", b"old 0\n", b"old 00\n\n", b"old -1\n\n", b"older 0\n\n", b"\xff\n\n", b"old 0\n\n\n\n",
        b"old 0\nAAAA\n\nx\n1\nAAAA\n\n",
        b"old 0\n" + b"".join(b64encode(bytes(32)) + b"\n" for _ in range(64)) + b"\n" + bytes(signed(7)),
        b"old 0\n!!!!\n\n" + bytes(signed(7)), b"old 0\r\n\n" + bytes(signed(7)), b"old 0\n\n" + b"x" * 3_000_000,
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(place: Place, body: bytes) -> None:
    assert place.ask(body).status == 400
    assert place.size == 0


def test_a_request_is_read_as_it_was_written() -> None:
    request = Request(7, tuple(consistency_proof(7, 20, roots_over(LEAVES))), bytes(signed(20)))
    assert Request.parse(bytes(request)) == request


def test_of_many_requests_at_once_none_takes_the_witness_back(place: Place) -> None:
    place(0, 1)
    answers = list[tuple[int, int]]()

    def press(size: int) -> None:
        old = 1
        while (answer := place(old, size)).status == 409 and int(answer.body) <= size:
            old = int(answer.body)
        answers.append((size, answer.status))

    threads = [threading.Thread(target=press, args=(size,)) for size in range(2, 40, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for _, status in answers} <= {200, 409}
    assert place.size == max(size for size, status in answers if status == 200) == 38


def test_a_head_is_remembered_before_it_is_cosigned(place: Place) -> None:
    class Full(Swapped):
        def swap(self, old: bytes, new: bytes) -> None:
            raise OSError(28, "No space left on device")

    witness = Witness(place.keys, {ORIGIN: [LOG_KEY.public_key]}, lambda _: Full(place.state / "head"))
    with pytest.raises(OSError, match="No space"):
        witness.add_checkpoint(asked(0, 7), NOW)


def test_a_witness_signs_with_keys_made_for_it() -> None:
    with pytest.raises(ConfigurationError, match="made for cosignatures"):
        Witness([LOG_KEY], {}, lambda origin: Swapped(Path(origin)))
    Witness([PrivateKey.generate("w", COSIGNATURE)], {}, lambda origin: Swapped(Path(origin)))


# ── a log and its witness ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def neighbour(stage: Stage, tmp_path: Path) -> Witness:
    """A witness that knows the log of ``stage``."""
    return witness_of(tmp_path, "witness.example/w1", {ORIGIN: stage.keys})


def witness_of(place: Path, name: str, logs: dict[str, list[PublicKey]]) -> Witness:
    folder = place / f"{memory_name(name)}-witness"
    folder.mkdir()
    return Witness(witness_keys(name), logs, lambda origin: Swapped(folder / memory_name(origin)))


def cosigned(stage: Stage, witness: Witness) -> Note:
    return cosign(stage.path, witness.public_keys, lambda body: witness.add_checkpoint(body, NOW))


def test_a_log_has_its_heads_cosigned_and_the_verifier_looks_at_them(stage: Stage, neighbour: Witness) -> None:
    with stage.open() as log:
        for number in range(300):
            log.offer(event(number))
        log.sign()
        cosigned(stage, neighbour)
        log.append(event(300))
    report = stage.verify(witnesses=neighbour.public_keys)
    assert (report.witnessed, report.head.size) == (301, 303)
    assert any("from 301 on: witnesses have seen no more" in doubt for doubt in report.unchecked)
    cosigned(stage, neighbour)
    report = stage.verify(witnesses=neighbour.public_keys)
    assert report.witnessed == 303
    assert not any("witness" in doubt for doubt in report.unchecked)
    assert stage.verify().witnessed == 0


def test_a_log_that_has_forgotten_what_was_cosigned_asks_the_witness(stage: Stage, neighbour: Witness) -> None:
    for number in range(3):
        with stage.open() as log:
            log.append(event(number))
        cosigned(stage, neighbour)
        for path in cosigned_in(stage.path):
            path.unlink()
    assert Checkpoint.parse(cosigned(stage, neighbour).text) == newest_head(stage.path)[0]


def test_a_fork_with_the_stolen_key_is_not_cosigned_and_the_verifier_names_the_witness(
    stage: Stage, neighbour: Witness, tmp_path: Path
) -> None:
    stage.open().close()
    log_then, state_then = stage.copy("stolen"), tmp_path / "stolen-signer"
    Signer(stage.state).state.rename(state_then)
    stage.state.mkdir()
    for path in state_then.iterdir():
        (stage.state / path.name).write_bytes(path.read_bytes())
    with stage.open() as log:
        log.append(event(1))
    kept = bytes(cosigned(stage, neighbour))
    thief = Stage(log_then, state_then)
    with thief.open() as log:
        log.append(event(666))
    with pytest.raises(Tampered, match=r"does not see .* continue what it has seen"):
        cosigned(thief, neighbour)
    (thief.path / "cosigned").mkdir()
    (thief.path / "cosigned" / neighbour.public_keys[0].id.hex()).write_bytes(kept)
    with pytest.raises(Tampered, match=r"seen by witness\.example/w1: this is another log, signed with the same key"):
        thief.verify(witnesses=neighbour.public_keys)


def test_a_log_that_was_put_back_is_noticed_by_its_witness(stage: Stage, neighbour: Witness) -> None:
    stage.open().close()
    old = stage.copy("backup")
    stage.open().close()
    cosigned(stage, neighbour)
    newer = cosigned_in(stage.path)[0].read_bytes()
    stage.put_back(old)
    with pytest.raises(Tampered, match="the witness has seen 4 entries"):
        cosigned(stage, neighbour)
    (stage.path / "cosigned").mkdir()
    (stage.path / "cosigned" / neighbour.public_keys[0].id.hex()).write_bytes(newer)
    with pytest.raises(Tampered, match=r"once had 4 entries, as witness\.example/w1 has seen, and now has 2"):
        stage.verify(witnesses=neighbour.public_keys)


def test_an_answer_that_is_not_the_witness_s_is_not_kept(stage: Stage, neighbour: Witness) -> None:
    stage.open().close()
    stranger = witness_keys("witness.example/w1")
    note = Note.signed(newest_head(stage.path)[0].text, stranger, NOW)
    for answer in (Answer(200, ""), Answer(200, "".join(map(str, note.signatures))), Answer(409, "many\n")):
        with pytest.raises(Tampered):
            cosign(stage.path, neighbour.public_keys, lambda _, answer=answer: answer)  # type: ignore[misc]
    with pytest.raises(Refused, match="404"):
        cosign(stage.path, neighbour.public_keys, lambda _: Answer(404, "unknown log\n"))
    assert cosigned_in(stage.path) == []


def test_nodes_are_each_others_witnesses(tmp_path: Path) -> None:
    nodes = [Stage(tmp_path / f"log{n}", tmp_path / f"signer{n}") for n in range(3)]
    for number, node in enumerate(nodes):
        AuditLog.create(node.path, node.state, origin=f"audit.example.com/node{number}")
        with node.open() as log:
            log.append(event(number))
    known = {f"audit.example.com/node{n}": node.keys for n, node in enumerate(nodes)}
    witnesses = [witness_of(tmp_path, f"audit.example.com/node{number}/witness", known) for number in range(3)]
    for number, node in enumerate(nodes):
        for other in witnesses[:number] + witnesses[number + 1 :]:
            cosigned(node, other)
        assert len(cosigned_in(node.path)) == 2
        everybody = [key for other in witnesses for key in other.public_keys]
        assert node.verify(witnesses=everybody).witnessed == 3
