"""Whether a log is what was signed, found out with nothing but its files and a public key.

Nothing here is shared with the writer but the mathematics, the formats and the names of the files. The walk:

1. every entry is hashed as it lies there, in order, none missing and none too many;
2. the tree of these hashes must have the signed root, at the newest head and at every older head that was kept;
3. the heads must be signed with the keys that were given, or with keys that those have introduced: an entry names the
   new ones, and the next kept head bears the signatures of both. From then on the old ones count for nothing;
4. every tile must hold the hashes of the entries;
5. every head that somebody has remembered, or that a known witness has cosigned, must be a beginning of this log. That
   alone tells a log from its own past, and from another that was signed with the same key.

What is wrong raises ``Tampered`` and is named. What could not be checked is said: a report without its last lines is
not a report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.explain import REMEDY, explain
from stockade.audit.keys import TIMED, PublicKey
from stockade.audit.layout import CHECKPOINT, cosigned_in, heads_in, history_path
from stockade.audit.note import Note
from stockade.audit.scan import PATIENCE, OutOfPlace, Scan, compare_tile, scan
from stockade.errors import ConfigurationError, Tampered


@dataclass(frozen=True, slots=True)
class Report:
    """What was found to be right, what the log says against itself, and what nobody can tell from here.

    ``signed_at`` is in seconds since the epoch, when a signature tells it; ``unsigned`` counts entries after the head,
    ``witnessed`` those that are under a head which a known witness has cosigned.
    """

    head: Checkpoint
    keys: tuple[PublicKey, ...]
    signed_at: int | None
    heads: int
    segments: int
    first: str
    last: str
    unsigned: int
    witnessed: int
    remarks: tuple[str, ...]
    unchecked: tuple[str, ...]


def verify(
    log: Path,
    keys: Sequence[PublicKey],
    *,
    remembered: Sequence[Checkpoint] = (),
    witnesses: Sequence[PublicKey] = (),
    now: float | None = None,
) -> Report:
    """Check a log against the keys of its signer, and against heads that somebody has written down.

    Raises Tampered, and ConfigurationError when there is no log or no key. ``now`` is in seconds since the epoch.
    """
    if not keys:
        remedy = "Give the key.pub that was kept when the log was made."
        raise ConfigurationError("no public key was given", remedy=remedy)
    notes, found = _notes(log), Scan()
    head = Checkpoint.parse(notes[-1].text)
    witnessed = list(_witnessed(log, notes, witnesses))
    seen = [*(_Seen(old, "") for old in remembered), *witnessed]
    sizes = {Checkpoint.parse(note.text).size for note in notes} | {each.head.size for each in seen}
    try:
        scan(log, found, sizes, head.size)
    except OutOfPlace as wrong:
        raise _out_of_place(log, wrong.index, notes, keys, found) from None
    except Tampered as error:
        raise Tampered(error.message, remedy=REMEDY) from None
    trusted = _trusted(notes, keys, found.rotations)
    _check_heads(log, notes, found, head)
    _check_seen(seen, head, found)
    _check_tiles(log, found)
    largest = max((each.head.size for each in witnessed), default=0)
    return _report(notes, head, trusted, found, (bool(remembered), largest, now))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A head that this log once had, and the witness who has seen it; nobody when it was written down."""

    head: Checkpoint
    by: str


def _witnessed(log: Path, notes: Sequence[Note], witnesses: Sequence[PublicKey]) -> Iterator[_Seen]:
    """The heads that known witnesses have cosigned. Raises Tampered when one of their signatures does not fit."""
    for note in [*notes, *(Note.parse(path.read_bytes()) for path in cosigned_in(log))]:
        for signer in note.signers(witnesses):
            yield _Seen(Checkpoint.parse(note.text), signer.key.name)


def _notes(log: Path) -> list[Note]:
    """All heads, the newest last. Raises Tampered when there is none, ConfigurationError without a directory."""
    if not log.is_dir():
        raise ConfigurationError(f"there is no directory {log}", remedy="Name the directory of a log.")
    kept = [Note.parse((log / history_path(size)).read_bytes()) for size in heads_in(log)]
    try:
        return [*kept, Note.parse((log / CHECKPOINT).read_bytes())]
    except OSError as error:
        raise Tampered(f"{log} has no signed head: {CHECKPOINT} is missing", remedy=REMEDY) from error


def _out_of_place(log: Path, index: int, notes: Sequence[Note], keys: Sequence[PublicKey], found: Scan) -> Tampered:
    head = Checkpoint.parse(notes[-1].text)
    try:
        _trusted(notes, keys, found.rotations)
    except Tampered as error:
        message = f"line {index} is not entry {index}, and {error.message}"
        return Tampered(message, remedy=error.remedy)
    if index >= head.size:
        return Tampered(f"entry {index}, which is not signed yet, does not bear its number", remedy=REMEDY)
    return explain(log, head)


def _trusted(
    notes: Sequence[Note], keys: Sequence[PublicKey], rotations: Sequence[tuple[int, list[str]]]
) -> list[PublicKey]:
    """The keys that count at the end. Raises Tampered unless the newest head bears the signatures of all of them."""
    trusted, waiting = list(keys), list(rotations)
    for note in notes:
        size = Checkpoint.parse(note.text).size
        signed = _signed(note, trusted)
        while waiting and waiting[0][0] < size:
            index, texts = waiting.pop(0)
            introduced = [PublicKey.parse(text) for text in texts]
            if signed and not (introduced and _signed(note, introduced)):
                message = f"keys were changed by entry {index}, and the head after it bears the old ones only"
                raise Tampered(f"{message}: somebody has gone on with keys that had been given up", remedy=REMEDY)
            trusted = introduced if signed else trusted
    if not _signed(notes[-1], trusted):
        names = ", ".join(f"{key.name}+{key.id.hex()}" for key in trusted)
        others = ", ".join(f"{each.name}+{each.id.hex()}" for each in notes[-1].signatures)
        message = f"the newest head is not signed with {names}, but with {others}"
        raise Tampered(f"{message}: another log, or keys that were never introduced", remedy=REMEDY)
    return trusted


def _signed(note: Note, keys: Sequence[PublicKey]) -> bool:
    return len(note.signers(keys)) == len(keys)


def _check_heads(log: Path, notes: Sequence[Note], found: Scan, head: Checkpoint) -> None:
    if found.size < head.size:
        message = f"entries {found.size} to {head.size - 1} are missing: the tail was cut"
        raise Tampered(f"{message}, {head.size} were signed", remedy=REMEDY)
    if found.roots[head.size] != head.root:
        raise explain(log, head)
    for note in notes:
        old = Checkpoint.parse(note.text)
        if old.size > head.size:
            message = f"a head of {old.size} entries was kept, and the newest is of {head.size}"
            raise Tampered(f"{message}: it was put back", remedy=REMEDY)
        if (old.origin, old.root) != (head.origin, found.roots[old.size]):
            raise Tampered(f"{history_path(old.size)} is not a head of this log", remedy=REMEDY)


def _check_seen(seen: Sequence[_Seen], head: Checkpoint, found: Scan) -> None:
    for old, by in ((each.head, each.by) for each in seen):
        if old.origin != head.origin:
            raise ConfigurationError(f"a head of {old.origin} was given, and this log is {head.origin}")
        if old.size > head.size:
            message = f"the log once had {old.size} entries{by and f', as {by} has seen,'} and now has {head.size}"
            raise Tampered(f"{message}: it was put back to an older state", remedy=REMEDY)
        if found.roots[old.size] != old.root:
            whose = f"seen by {by}" if by else "remembered"
            message = f"the first {old.size} entries are not those of the head that was {whose}"
            raise Tampered(f"{message}: this is another log, signed with the same key", remedy=REMEDY)


def _check_tiles(log: Path, found: Scan) -> None:
    for tile, meant in found.partial.items():
        compare_tile(log, tile, meant, found.wrong_tiles)
    if found.wrong_tiles:
        more = f", and {len(found.wrong_tiles) - 1} more" if len(found.wrong_tiles) > 1 else ""
        remedy = "The entries are all right; the tiles can be made again from them. Find out who was there."
        raise Tampered(f"{found.wrong_tiles[0]}{more}, while every entry is as it was signed", remedy=remedy)


Given = tuple[bool, int, float | None]


def _report(notes: Sequence[Note], head: Checkpoint, trusted: list[PublicKey], found: Scan, given: Given) -> Report:
    remembered, witnessed, now = given
    newest, unsigned = notes[-1], found.size - head.size
    signers = newest.signers(trusted)
    signed_at = next((signer.time for signer in signers if signer.key.kind in TIMED), None)
    remarks, unchecked = list(found.remarks), list[str]()
    age = now - signed_at if now is not None and signed_at is not None else 0.0
    if not found.closed and age > PATIENCE * (found.heartbeat or age):
        remarks.append(f"the head is {age:,.0f} s old, and the log was not closed: it is not running")
    if not remembered:
        unchecked.append("whether all of it was put back to an older state: no head that was written down was given")
    if not witnessed:
        unchecked.append("whether others are shown another log: no witness that is known here has signed the head")
    elif witnessed < head.size:
        unchecked.append(f"whether others are shown other entries from {witnessed} on: witnesses have seen no more")
    if signed_at is None:
        unchecked.append("how old the head is: none of the keys that were given signs the time")
    if unsigned:
        unchecked.append(f"the last {unsigned} entries: they are not signed yet")
    unchecked.append("what was never reported to the log, or was reported falsely")
    first, last = (stamp.decode("ascii", "replace") for stamp in (found.first, found.last))
    return Report(
        head=head, keys=tuple(trusted), signed_at=signed_at, heads=len(notes), segments=found.segments,
        first=first, last=last, unsigned=unsigned, witnessed=witnessed, remarks=tuple(remarks),
        unchecked=tuple(unchecked),
    )  # fmt: skip
