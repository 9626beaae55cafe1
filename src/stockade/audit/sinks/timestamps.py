"""Time stamps of heads by somebody whose clock is not ours (RFC 3161), and kept beside the log.

::

    timestamps/00000000000000000702.head    what was stamped: the signed head, octet for octet
    timestamps/00000000000000000702.tsq     the request, with a number that the answer must repeat
    timestamps/00000000000000000702.tsr     the answer: at this time, these octets were there

All three can be looked at without us: ``openssl ts -verify -data N.head -in N.tsr -CAfile ca.pem``. Whoever steals
every key of the log can sign another past, but not have it stamped in the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import write_durably
from stockade.audit.keys import PublicKey
from stockade.audit.note import Note
from stockade.audit.prove import newest_head, prove_consistency
from stockade.errors import ConfigurationError, Refused, Tampered, Unavailable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

FOLDER: Final = "timestamps"
QUERY_TYPE: Final = "application/timestamp-query"
MOST_OCTETS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """A head of so many entries was there at this time (seconds since the epoch), says the authority's serial."""

    size: int
    time: float
    serial: int


def request(log: Path) -> tuple[int, bytes]:
    """Ask for a stamp of the newest head: its size, and the octets to be sent. Both are kept until there is an answer.

    A head that is waiting for its answer keeps its request. Raises ConfigurationError when there is no log.
    """
    from rfc3161_client import TimestampRequestBuilder

    head, note = newest_head(log)
    folder = log / FOLDER
    folder.mkdir(exist_ok=True)
    asked, kept = _path(log, head.size, "tsq"), _path(log, head.size, "head")
    if not asked.exists() or not kept.exists():
        octets = TimestampRequestBuilder().data(note).build().as_bytes()
        write_durably(kept, note, mode=0o644)
        write_durably(asked, octets, mode=0o644)
    return head.size, asked.read_bytes()


def keep(log: Path, answer: bytes) -> Stamp:
    """Keep the answer to one of the requests that were made. Whether one may believe it, only ``check`` says.

    Raises Refused when the authority says no, Unavailable when it is no answer, ConfigurationError when it is to
    nothing that was asked.
    """
    response = _decoded(answer)
    if response.status != 0:
        said = ", ".join(map(str, response.status_string)) or f"status {response.status}"
        raise Refused(f"the time-stamping authority refuses: {said}")
    size = _asked(log, response)
    write_durably(_path(log, size, "tsr"), answer, mode=0o644)
    return _stamp(size, response)


def check(log: Path, authority: bytes, keys: Sequence[PublicKey] = ()) -> list[Stamp]:
    """Verify every stamp of a log, oldest first, against the certificates of an authority (PEM).

    With ``keys`` also that the log has signed what was stamped. Raises Tampered when a stamp does not verify, or the
    log of today does not continue what was stamped; ConfigurationError when there are no certificates.
    """
    roots = _certificates(authority)
    sizes = sorted(int(path.stem) for path in (log / FOLDER).glob("*.tsr"))
    return [_checked(log, size, roots, keys) for size in sizes]


def _checked(log: Path, size: int, roots: Sequence[Certificate], keys: Sequence[PublicKey]) -> Stamp:
    path = _path(log, size, "tsr")
    try:
        note, response = _path(log, size, "head").read_bytes(), _decoded(path.read_bytes())
    except (OSError, Unavailable) as error:
        raise Tampered(f"{path} cannot be read: {error}", remedy="It was damaged. A copy may be elsewhere.") from error
    _verify(path, response, note, roots)
    parsed = Note.parse(note)
    if keys and not parsed.signers(keys):
        raise Tampered(f"what was stamped in {path} is not signed with the key that was given")
    head = Checkpoint.parse(parsed.text)
    if head.size:
        prove_consistency(log, head)
    return _stamp(head.size, response)


def _verify(path: Path, response: TimeStampResponse, note: bytes, roots: Sequence[Certificate]) -> None:
    from rfc3161_client import VerificationError, VerifierBuilder

    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(response, note)
    except (VerificationError, ValueError) as error:
        remedy = "The stamp or the head was changed, or another authority has stamped it. Do not trust it."
        raise Tampered(f"{path} does not verify: {error}", remedy=remedy) from error


def _asked(log: Path, response: TimeStampResponse) -> int:
    """The size of the head that an answer is about: it repeats the number of the request and the hash of the head."""
    given = response.tst_info
    for path in sorted((log / FOLDER).glob("*.tsq"), reverse=True):
        head, repeated = path.with_suffix(".head").read_bytes(), _der(given.nonce or 0) in path.read_bytes()
        if repeated and given.message_imprint.message == sha512(head).digest():
            return int(path.stem)
    raise ConfigurationError(
        "the answer is to no request of this log", remedy="Make one with --request-out, and send that."
    )


def _decoded(answer: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        return decode_timestamp_response(answer[:MOST_OCTETS])
    except ValueError as error:
        raise Unavailable(f"that is no answer of a time-stamping authority: {error}") from error


def _der(number: int) -> bytes:
    """An integer as it stands in the request (X.690 section 8.3)."""
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([2, len(octets)]) + octets


def _certificates(pem: bytes) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        remedy = "Give the certificates of the authority, in PEM."
        raise ConfigurationError("there is no certificate in that file", remedy=remedy) from error


def _path(log: Path, size: int, suffix: str) -> Path:
    return log / FOLDER / f"{size:020}.{suffix}"


def _stamp(size: int, response: TimeStampResponse) -> Stamp:
    return Stamp(size, response.tst_info.gen_time.timestamp(), response.tst_info.serial_number)
