"""An S3 bucket with Object Lock: sealed segments, tiles and heads as objects that nobody can delete before their time.

Every object is put under COMPLIANCE with a date of its own; a default of the bucket would not do, since its owner may
take that away. Overwriting and deleting still *succeed* in such a bucket, and only make new versions: what counts is
the version that the store has answered, so that is kept in the receipts. Who carries needs no right but to put objects
(``policy``); reading back is another principal's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import md5, sha256
from typing import Any, Final

from stockade.audit.sinks.parcels import Parcel
from stockade.audit.sinks.receipts import Receipt, Receipts
from stockade.audit.sinks.s3 import speaking
from stockade.errors import Refused, Tampered

COMPLIANCE: Final = "COMPLIANCE"
LANES: Final = 4
"""Objects that are put at once: a segment has a tile for every 256 entries, and each is a small object."""
SKEW: Final = 60.0
"""Seconds by which the store's clock may differ from ours; by it the lock ends."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Where in the store: the bucket, what all names begin with, and how many seconds an object stays locked."""

    bucket: str
    prefix: str
    retain: float

    def key(self, path: str) -> str:
        """The name of the object for a file of the log."""
        return f"{self.prefix}/{path}" if self.prefix else path


class LockedStore:
    """Keeps the files of the log under the names that they have there, each locked for as long as it was told."""

    def __init__(
        self, vault: Vault, writer: Any, reader: Any | None, receipts: Receipts, clock: Callable[[], float]
    ) -> None:
        """``writer`` and ``reader`` are clients of the store; without a reader nothing is read back."""
        self._vault, self._writer, self._reader = vault, writer, reader
        self._receipts, self._clock = receipts, clock
        self._next = 0
        self._stored: dict[tuple[str, str], Receipt] = {}
        self.remark = "" if reader else "what was stored is not read back: give it a reader"

    def open(self, at: int) -> int:
        """See ``Sink``. The store is not asked: who may only write cannot look."""
        self._next = at
        return at

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; stored, and read back where there is a reader, when this returns: entries, tiles, head."""
        if parcel.first > self._next or parcel.end <= self._next:
            return self._next
        for files in (parcel.files[:1], parcel.files[1:-1], parcel.files[1:][-1:]):
            self._keep_all([(self._vault.key(path), octets) for path, octets in files])
        self._receipts.add(list(self._stored.values()))
        self._stored.clear()
        self._next = parcel.end
        return self._next

    def close(self) -> None:
        """See ``Sink``. What has been stored of a parcel is remembered, and not stored again."""

    def _keep_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Several at once; when one fails, what has not been begun is left for the next time."""
        lanes = ThreadPoolExecutor(LANES)
        try:
            for kept in [lanes.submit(self._keep, *each) for each in files]:
                kept.result()
        finally:
            lanes.shutdown(cancel_futures=True)

    def _keep(self, key: str, octets: bytes) -> None:
        digest = sha256(octets).hexdigest()
        if (key, digest) in self._stored:
            return
        receipt = self._put(key, octets, digest)
        if self._reader is not None:
            check_stored(self._reader, self._vault.bucket, receipt)
        self._stored[key, digest] = receipt

    def _put(self, key: str, octets: bytes, digest: str) -> Receipt:
        now = self._clock()
        receipt, ahead = put_locked(
            self._writer, self._vault.bucket, Locked(key, octets, digest, self._vault.retain), now
        )
        if abs(ahead) > SKEW:
            raise Refused(
                f"the clock of the store differs from ours by {ahead:,.0f} s, and by it the lock ends",
                remedy="Find out whose clock is wrong before trusting the store with anything.",
            )
        return receipt


@dataclass(frozen=True, slots=True)
class Locked:
    """An object to be put: its name, its octets with their SHA-256, and for how many seconds nobody can delete it."""

    key: str
    octets: bytes
    digest: str
    retain: float


def put_locked(writer: Any, bucket: str, new: Locked, now: float) -> tuple[Receipt, float]:
    """Put an object under COMPLIANCE: its receipt, and how many seconds the store's clock is ahead of ``now``.

    Raises Refused when the store locks nothing, Unavailable, and ConfigurationError for a wrong key.
    """
    until = now + new.retain
    with speaking(f"{new.key} cannot be stored in {bucket}"):
        answer = writer.put_object(
            Bucket=bucket,
            Key=new.key,
            Body=new.octets,
            ContentMD5=b64encode(md5(new.octets, usedforsecurity=False).digest()).decode(),
            Metadata={"sha256": new.digest},
            ObjectLockMode=COMPLIANCE,
            ObjectLockRetainUntilDate=datetime.fromtimestamp(until, UTC),
        )
    version = answer.get("VersionId", "")
    if version in {"", "null"}:
        remedy = "Make the bucket with Object Lock, and ask `stockade audit probe` whether the store means it."
        raise Refused(f"{bucket} keeps no versions, so nothing is locked", remedy=remedy)
    return Receipt(key=new.key, version=version, sha256=new.digest, until=until, at=now), clock_skew(answer, now)


def clock_skew(answer: Any, now: float) -> float:
    """Seconds by which the store is ahead of us, as the ``Date`` of an answer says; 0 when it says nothing."""
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    with suppress(ValueError, TypeError):
        return parsedate_to_datetime(said).timestamp() - now
    return 0.0


def check_stored(reader: Any, bucket: str, receipt: Receipt) -> bytes:
    """Read back the version of a receipt. Raises Tampered unless it is there, with its octets and its lock."""
    with speaking(f"{receipt.key} cannot be read back from {bucket}"):
        found = reader.get_object(Bucket=bucket, Key=receipt.key, VersionId=receipt.version)
        octets: bytes = found["Body"].read()
    digest = sha256(octets).hexdigest()
    mode, until = found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")
    name = f"version {receipt.version} of {receipt.key}"
    if digest != receipt.sha256:
        raise Tampered(f"{name} in {bucket} is not what was stored: {digest}", remedy="Compare it with the log.")
    if mode != COMPLIANCE or until is None or until.timestamp() < receipt.until - 1:
        remedy = "The store does not hold what it promised. Ask `stockade audit probe` about it, and look for another."
        raise Tampered(f"{name} in {bucket} is locked {mode} until {until}, and should be longer", remedy=remedy)
    return octets
