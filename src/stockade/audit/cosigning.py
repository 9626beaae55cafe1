"""Has the newest head of a log cosigned by a witness, and keeps it beside the log (C2SP tlog-witness, client).

::

    note = cosign(Path("audit"), witness_public_keys, ask)  # ask: octets of a request -> the witness's Answer

``ask`` carries the request, over HTTP or within one process, and may raise Unavailable. What was cosigned lies in
``cosigned/`` in the log, a file for each witness, until a larger head replaces it; ``verify`` looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import write_durably
from stockade.audit.keys import PublicKey
from stockade.audit.layout import cosigned_path, read_tile
from stockade.audit.merkle import consistency_proof
from stockade.audit.note import Note
from stockade.audit.prove import newest_head
from stockade.audit.tiles import roots_from
from stockade.audit.witness import Answer, Request
from stockade.errors import Refused, Tampered

Ask = Callable[[bytes], Answer]


def cosign(log: Path, witness: Sequence[PublicKey], ask: Ask) -> Note:
    """The newest head with the cosignatures of a witness, who is known by these keys; it is kept in the log.

    Raises Tampered when the witness has seen another history of this log, or answers with what it has not signed;
    Refused when it does not want to; whatever ``ask`` raises.
    """
    head, raw = newest_head(log)
    seen = _seen(log, witness)
    answer = ask(_request(log, head, raw, seen))
    if answer.status == 409 and (told := _size(answer)) != seen:
        _refuse_to_step_back(log, head, told)
        answer = ask(_request(log, head, raw, told))
    if answer.status in {409, 422}:
        raise Tampered(
            f"{witness[0].name} does not see {log} continue what it has seen: {answer.body.strip()[:200]}",
            remedy="Two histories of this log were signed. Compare it with the head that the witness has kept.",
        )
    if answer.status != 200:
        message = f"{witness[0].name} does not cosign {head.origin}: {answer.status} {answer.body.strip()[:200]}"
        raise Refused(message, remedy="The witness needs the key.pub of this log.")
    return _keep(log, witness, raw, answer.body)


def _seen(log: Path, witness: Sequence[PublicKey]) -> int:
    """The size that the witness has cosigned last, as far as is known here."""
    try:
        note = Note.parse((log / cosigned_path(witness[0])).read_bytes())
        return Checkpoint.parse(note.text).size if note.signers(witness) else 0
    except (OSError, Tampered):
        return 0


def _request(log: Path, head: Checkpoint, raw: bytes, old: int) -> bytes:
    roots = roots_from(lambda path: read_tile(log, path), head.size)
    proof = consistency_proof(old, head.size, roots) if old else []
    return bytes(Request(old, tuple(proof), raw))


def _refuse_to_step_back(log: Path, head: Checkpoint, told: int) -> None:
    if told > head.size:
        message = f"the witness has seen {told} entries of {head.origin}, and {log} has {head.size}"
        raise Tampered(message, remedy="It was put back to an older state. Find out by whom.")


def _size(answer: Answer) -> int:
    """The size in a conflict. Raises Tampered when there is none."""
    text = answer.body.strip()[:20]
    if not (text.isascii() and text.isdecimal()):
        raise Tampered(f"the witness names no size: {answer.body[:60]!r}")
    return int(text)


def _keep(log: Path, witness: Sequence[PublicKey], raw: bytes, lines: str) -> Note:
    """Add the cosignatures to the head, those that are by the witness and fit; cosignatures of others are left out."""
    given = Note.parse(raw.rpartition(b"\n\n")[0] + b"\n\n" + lines.encode())
    if not given.signers(witness):
        raise Tampered(f"the answer bears no cosignature of {witness[0].name}")
    known = {(key.name, key.id) for key in witness}
    note = Note.parse(raw)
    whole = Note(note.text, note.signatures + tuple(s for s in given.signatures if (s.name, s.id) in known))
    path = log / cosigned_path(witness[0])
    path.parent.mkdir(exist_ok=True)
    write_durably(path, bytes(whole), mode=0o644)
    return whole
