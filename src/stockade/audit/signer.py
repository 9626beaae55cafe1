"""The signer: it alone holds the private keys, and it remembers the last head it has signed.

A log that is copied back from an old backup would go on from there, and there would be two logs of one name: a fork. So
the signer keeps its last head apart from the log, in a file that is only ever compared and swapped; and it signs a new
head only with a proof that the log still begins with the last one (C2SP tlog-checkpoint, "Signatures": a log must not
sign what is inconsistent with what it has signed). It needs nothing else of the log: no entries, no tiles.

::

    key       private keys, a line each, for this user's eyes only
    key.pub   what verifiers are to be given
    head      the last head, a signed note
    key.next  the keys that will be used next, while they are being introduced
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stockade.audit.absence import Absence
from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import Swapped, write_durably
from stockade.audit.keys import ED25519, MLDSA44, PrivateKey, PublicKey
from stockade.audit.merkle import check_consistency
from stockade.audit.note import Note
from stockade.errors import ConfigurationError, Tampered

KEY: Final = "key"
PUBLIC: Final = "key.pub"
NEXT: Final = "key.next"
HEAD: Final = "head"


class Signer:
    """Signs one head after the other, each of which continues the last."""

    def __init__(self, state: Path) -> None:
        """Take up the keys and the last head in ``state``.

        Raises ConfigurationError when there are no keys, Tampered when the last head is not signed with them.
        """
        if not (state / KEY).exists():
            raise ConfigurationError(f"{state} holds no key", remedy="Create the log first.")
        self.state = state
        self.keys = _read_keys(state / KEY)
        self.origin = self.keys[0].name
        self._file = Swapped(state / HEAD)
        self._raw = self._file.read()
        if self._raw and not self.has_signed(Note.parse(self._raw)):
            raise Tampered(f"{self._file.path} is not signed with the key beside it", remedy="Find out who changed it.")

    @classmethod
    def create(cls, state: Path, origin: str) -> Signer:
        """Make new keys for a new log. Raises ConfigurationError when there are keys already."""
        if (state / KEY).exists():
            raise ConfigurationError(f"{state} already holds the key of a log", remedy="Choose another directory.")
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_keys(state, new_keys(origin))
        return cls(state)

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.state)

    @property
    def public_keys(self) -> list[PublicKey]:
        """What checks its signatures."""
        return [key.public_key for key in self.keys]

    @property
    def note(self) -> bytes:
        """The last head as it was signed; nothing before the first."""
        return self._raw

    @property
    def head(self) -> Checkpoint | None:
        """The last head."""
        return Checkpoint.parse(Note.parse(self._raw).text) if self._raw else None

    def has_signed(self, note: Note) -> bool:
        """Whether a note bears all its signatures. Raises Tampered when one of them does not fit."""
        return len(note.signers(self.public_keys)) == len(self.keys)

    def sign(self, head: Checkpoint, proof: Sequence[bytes], now: float, *, introduce: bool = False) -> bytes:
        """Sign a head that continues the last one, which ``proof`` shows, and remember it before anybody sees it.

        ``introduce``: the next keys sign beside its own. Raises Tampered when the head does not continue the last.
        """
        last = self.head
        if head.origin != self.origin or (last is not None and head.size < last.size):
            raise Tampered(f"asked to sign {head.origin} at {head.size}, after {self.origin} at {last and last.size}")
        if last is not None and last.size:
            check_consistency(last.size, head.size, last.root, head.root, proof)
        also = self._next_keys() if introduce else []
        note = bytes(Note.signed(head.text, [*self.keys, *also], now))
        self._file.swap(self._raw, note)
        self._raw = note
        return note

    def next_keys(self) -> list[PublicKey]:
        """The keys that are being introduced; none when nothing of that kind is going on."""
        return [key.public_key for key in self._next_keys()]

    def make_next_keys(self) -> list[PublicKey]:
        """Make the keys that will be used next, on disk before anybody hears of them."""
        if not self._next_keys():
            write_durably(self.state / NEXT, _secret_lines(new_keys(self.origin)))
        return self.next_keys()

    def change_keys(self) -> None:
        """Sign with the next keys from now on. Raises Tampered unless the last head bears their signatures already."""
        keys = self._next_keys()
        if len(Note.parse(self._raw).signers([key.public_key for key in keys])) != len(keys):
            raise Tampered("the next keys have not been introduced by a head that both have signed")
        _write_keys(self.state, keys)
        self.keys = keys
        (self.state / NEXT).unlink()

    def state_absence(self, statement: Absence, now: float) -> bytes:
        """Sign that events are absent, with the key that signs texts. Raises Tampered when it is about another log."""
        if statement.end.origin != self.origin:
            raise Tampered(f"asked to speak about {statement.end.origin}, and this is the signer of {self.origin}")
        text = Absence.parse(statement.text).text  # nothing else is signed with a key that signs heads
        return bytes(Note.signed(text, [key for key in self.keys if key.kind == ED25519], now))

    def _next_keys(self) -> list[PrivateKey]:
        return _read_keys(self.state / NEXT) if (self.state / NEXT).exists() else []


def new_keys(origin: str) -> list[PrivateKey]:
    """An Ed25519 key and an ML-DSA-44 key of one name."""
    return [PrivateKey.generate(origin, ED25519), PrivateKey.generate(origin, MLDSA44)]


def _write_keys(state: Path, keys: Sequence[PrivateKey]) -> None:
    write_durably(state / PUBLIC, "".join(f"{key.public_key}\n" for key in keys).encode(), mode=0o644)
    write_durably(state / KEY, _secret_lines(keys))


def _secret_lines(keys: Sequence[PrivateKey]) -> bytes:
    return "".join(f"{key.secret_text}\n" for key in keys).encode()


def _read_keys(path: Path) -> list[PrivateKey]:
    return [PrivateKey.parse(line) for line in path.read_text().splitlines()]
