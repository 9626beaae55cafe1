"""A witness: it sees the heads of other people's logs, and signs only those that continue what it has seen.

Whoever steals the key of a log can sign a second history, but a witness has signed the first one already and will not
sign what contradicts it (C2SP tlog-witness, "add-checkpoint"). It needs the public keys of the logs it knows, a key of
its own, and the last head of each log: no entries, no tiles. The nodes of one service can be each other's witnesses.

Everything is decided here and nothing is read or sent. Whoever serves it hands in where a head is remembered::

    witness = Witness(
        keys=[PrivateKey.generate("witness.example/w1", COSIGNATURE)],  # witness_keys(name) makes a pair
        logs={"audit.example.com/node1": [PublicKey.parse(line), …]},  # the key.pub of each log, by origin
        memory=lambda origin: Swapped(state / memory_name(origin)),  # anything with read() and swap(old, new)
    )
    answer = witness.add_checkpoint(body, now=time.time())  # body: the octets of the POST
    answer.status, answer.content_type, answer.body  # to be sent as they are

=======  =============================================================================================================
status   what it means                                                             (tlog-witness, "add-checkpoint")
=======  =============================================================================================================
200      cosigned; the body holds the lines of the cosignatures. The head was remembered before this was answered
400      not a request, or it asks for a step backwards
403      none of the known keys of the log has signed the head
404      a log that this witness does not know
409      it continues another size, or is another tree of the same size; the body is the size last cosigned
422      the proof does not show that the head continues the last one
=======  =============================================================================================================

A request that a known log has signed and that is refused with 422, or with 409 at the same size, is worth keeping
beside what is remembered: it may be the proof of a fork. ``answer.suspicious`` says so, and ``answer.why`` says it to a
person. ``cosigning`` is the other side: it asks a witness on behalf of a log.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, Self

from stockade.audit.checkpoint import Checkpoint, decode_base64
from stockade.audit.keys import COSIGNATURE, MLDSA44, TIMED, PrivateKey, PublicKey
from stockade.audit.merkle import check_consistency
from stockade.audit.note import MAX_SIZE, Note
from stockade.errors import ConfigurationError, Tampered

MOST_HASHES: Final = 63
"""Hashes that a request may hold (tlog-witness, "add-checkpoint")."""
ATTEMPTS: Final = 8
"""How often a head is judged anew because another request was faster."""


class Memory(Protocol):
    """Where the last head of one log is remembered; ``stockade.audit.durable.Swapped`` is one."""

    def read(self) -> bytes:
        """The head as it was cosigned; nothing before the first."""

    def swap(self, old: bytes, new: bytes) -> None:
        """Replace ``old`` by ``new`` for good, in one step. Raises Tampered when it does not hold ``old``."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks of a witness: to cosign a head, which ``proof`` shows to continue the one of ``old`` entries."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def __bytes__(self) -> bytes:
        hashes = "".join(f"{b64encode(each).decode()}\n" for each in self.proof)
        return f"old {self.old}\n{hashes}\n".encode() + self.note

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the body of a request without believing it. Raises Tampered when it is none."""
        if len(raw) > 2 * MAX_SIZE:
            raise Tampered(f"a request of {len(raw):,} octets is too long to be one")
        above, divider, note = raw.partition(b"\n\n")
        first, *hashes = above.decode("ascii", "replace").split("\n")
        size = first.removeprefix("old ")[:20]
        if not divider or len(hashes) > MOST_HASHES or not _is_decimal(size) or f"old {int(size)}" != first:
            raise Tampered("a request is the old size, at most 63 hashes, an empty line and a head")
        return cls(int(size), tuple(map(decode_base64, hashes)), note)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness says. ``suspicious``: a known log has signed what is not shown to continue what was seen."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"
    why: str = ""
    suspicious: bool = False


class Witness:
    """Signs heads of known logs with its own keys, each only when it continues the last."""

    def __init__(
        self,
        keys: Sequence[PrivateKey],
        logs: Mapping[str, Sequence[PublicKey]],
        memory: Callable[[str], Memory],
    ) -> None:
        """Raises ConfigurationError when a key is not of a kind that cosigns."""
        if not keys or any(key.kind not in TIMED for key in keys):
            raise ConfigurationError("a witness signs with keys of its own, made for cosignatures")
        self._keys, self._logs, self._memory = tuple(keys), dict(logs), memory

    @property
    def public_keys(self) -> list[PublicKey]:
        """What checks its cosignatures."""
        return [key.public_key for key in self._keys]

    def add_checkpoint(self, body: bytes, now: float) -> Answer:
        """Judge a request and answer it; the head is remembered before it is cosigned. ``now``: seconds since 1970."""
        try:
            request = Request.parse(body)
            note = Note.parse(request.note)
            head = Checkpoint.parse(note.text)
        except Tampered as error:
            return Answer(400, f"{error.message}\n", why=error.message)
        known = self._logs.get(head.origin)
        if known is None:
            return Answer(404, "unknown log\n", why=f"{head.origin} is not known here")
        if not _is_signed(note, known):
            return Answer(403, "not signed by a known key\n", why=f"no known key of {head.origin} has signed the head")
        return self._continue(request, note, head, now)

    def _continue(self, request: Request, note: Note, head: Checkpoint, now: float) -> Answer:
        memory = self._memory(head.origin)
        for _ in range(ATTEMPTS):
            remembered = memory.read()
            last = Checkpoint.parse(Note.parse(remembered).text) if remembered else None
            refusal = judge(last, head, request)
            if refusal is not None:
                return refusal
            cosigned = Note.signed(note.text, self._keys, now)
            try:
                memory.swap(remembered, bytes(Note(note.text, note.signatures + cosigned.signatures)))
            except Tampered:
                continue  # another request was faster: what it left counts now
            return Answer(200, "".join(map(str, cosigned.signatures)))
        return Answer(503, "busy\n", why=f"{ATTEMPTS} other requests were faster")


def judge(last: Checkpoint | None, head: Checkpoint, request: Request) -> Answer | None:
    """Why a signed head may not be cosigned after ``last``; None when it may (tlog-witness, "add-checkpoint")."""
    seen = last.size if last else 0
    if request.old > head.size:
        return Answer(400, "the old size is larger than the new one\n", why="it asks for a step backwards")
    if request.old != seen:
        return _conflict(seen, f"it continues {request.old} entries, and {seen} were seen", suspicious=False)
    if last is not None and head.size == seen and head.root != last.root:
        return _conflict(seen, f"two different logs of {seen} entries are signed", suspicious=True)
    try:
        _check_step(last, head, request.proof)
    except Tampered as error:
        why = f"{head.size} entries do not continue the {seen} that were seen: {error.message}"
        return Answer(422, f"{error.message}\n", why=why, suspicious=True)
    return None


def witness_keys(name: str) -> list[PrivateKey]:
    """New keys for a witness of this name: Ed25519, which every reader knows, and ML-DSA-44 (tlog-cosignature)."""
    return [PrivateKey.generate(name, COSIGNATURE), PrivateKey.generate(name, MLDSA44)]


def memory_name(origin: str) -> str:
    """A name for the file in which the last head of a log is remembered, whatever the log is called."""
    return sha256(origin.encode()).hexdigest()


def _check_step(last: Checkpoint | None, head: Checkpoint, proof: Sequence[bytes]) -> None:
    if last is None or last.size == 0:
        if proof:
            raise Tampered("a log that begins needs no proof")
        return
    check_consistency(last.size, head.size, last.root, head.root, proof)


def _conflict(seen: int, why: str, *, suspicious: bool) -> Answer:
    return Answer(409, f"{seen}\n", "text/x.tlog.size", why, suspicious)


def _is_signed(note: Note, known: Sequence[PublicKey]) -> bool:
    try:
        return bool(note.signers(known))
    except Tampered:
        return False


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()
