"""A signer in a process of its own, under a user of its own, asked at a Unix socket.

Who breaks into the program that writes the log then holds no key: they can have heads signed that continue the last
one, and nothing else. The kernel says who asks (SO_PEERCRED); only the users that were named are answered. The time in
a signature is the signer's.

A line of JSON each way::

    {"ask":"state"}                                      → {"origin":…,"keys":[…],"next":[…],"note":…}
    {"ask":"sign","head":…,"proof":[…],"introduce":…}    → {"note":…}, when it continues the last head
    {"ask":"make next keys"}, {"ask":"change keys"}      → as "state"
    {"ask":"absence","text":…}                           → {"note":…}
    anything that is refused                             → {"error":"Tampered","message":…,"remedy":…}
"""

from __future__ import annotations

import json
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from stockade.audit.absence import Absence
from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import PublicKey
from stockade.audit.letters import answered, letter, listening, peer_of, place_of, read, refusal
from stockade.audit.note import Note
from stockade.audit.signer import Signer
from stockade.errors import StockadeError, Tampered, Unavailable

PATIENCE: Final = 5.0
"""Seconds that a signer may take to answer."""


class Signs(Protocol):
    """What a log needs of its signer: see ``Signer``."""

    @property
    def origin(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def public_keys(self) -> list[PublicKey]: ...
    @property
    def note(self) -> bytes: ...
    @property
    def head(self) -> Checkpoint | None: ...
    def sign(self, head: Checkpoint, proof: Sequence[bytes], now: float, *, introduce: bool = ...) -> bytes: ...
    def next_keys(self) -> list[PublicKey]: ...
    def make_next_keys(self) -> list[PublicKey]: ...
    def change_keys(self) -> None: ...
    def state_absence(self, statement: Absence, now: float) -> bytes: ...


def signer_at(place: Path) -> Signs:
    """The signer that listens at this socket, or the one whose keys are in this directory."""
    return RemoteSigner(place) if place.is_socket() else Signer(place)


class RemoteSigner:
    """A signer in another process."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable when nobody answers at the socket."""
        self._path = path
        self._take(self._ask("state"))

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self._path)

    @property
    def head(self) -> Checkpoint | None:
        """The last head."""
        return Checkpoint.parse(Note.parse(self.note).text) if self.note else None

    def sign(self, head: Checkpoint, proof: Sequence[bytes], now: float, *, introduce: bool = False) -> bytes:  # noqa: ARG002  the signer has its own
        """As ``Signer.sign``, but that the signer looks at its own clock."""
        hashes = [b64encode(each).decode() for each in proof]
        self.note = str(self._ask("sign", head=head.text, proof=hashes, introduce=introduce)["note"]).encode()
        return self.note

    def next_keys(self) -> list[PublicKey]:
        """The keys that are being introduced."""
        return list(self._next)

    def make_next_keys(self) -> list[PublicKey]:
        """Have them made."""
        self._take(self._ask("make next keys"))
        return self.next_keys()

    def change_keys(self) -> None:
        """Sign with the next keys from now on."""
        self._take(self._ask("change keys"))

    def state_absence(self, statement: Absence, now: float) -> bytes:  # noqa: ARG002  as above
        """As ``Signer.state_absence``."""
        return str(self._ask("absence", text=statement.text)["note"]).encode()

    def _take(self, state: Any) -> None:
        self.origin = str(state["origin"])
        self.public_keys, self._next = ([PublicKey.parse(text) for text in state[name]] for name in ("keys", "next"))
        self.note = str(state["note"]).encode()

    def _ask(self, what: str, **more: object) -> Any:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, place_of(self._path) as address:
                connection.settimeout(PATIENCE)
                connection.connect(address)
                connection.sendall(letter(ask=what, **more))
                with connection.makefile("rb") as lines:
                    answer = read(lines)
        except (OSError, ValueError) as error:
            raise Unavailable(f"the signer at {self._path} does not answer: {error}") from error
        if not answer:
            raise Unavailable(f"the signer at {self._path} has ended in the middle of an answer")
        return answered(answer)


def serve_signer(
    signer: Signer,
    path: Path,
    users: Collection[int],
    *,
    ready: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Answer the users of these numbers at a socket, for ever, one after another. Raises Unavailable at the start."""
    try:
        door = listening(path)
        path.chmod(0o666)  # the kernel says who asks, the permissions of the file do not matter
    except OSError as error:
        raise Unavailable(f"no signer can listen at {path}: {error.strerror}") from error
    with door:
        ready()
        while True:
            connection, _ = door.accept()
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE)
                with connection.makefile("rb") as lines:
                    connection.sendall(_answer(signer, lines, clock(), known=peer_of(connection) in users))


def _answer(signer: Signer, lines: BinaryIO, now: float, *, known: bool) -> bytes:
    try:
        asked = read(lines)
        if not known:
            raise Unavailable("this user may have nothing signed", remedy="Start the signer with --user.")
        return letter(**_done(signer, asked, now))
    except StockadeError as error:
        return refusal(error)
    except (ValueError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        return refusal(Tampered(f"not a question to a signer: {type(error).__name__}"))


def _done(signer: Signer, asked: dict[str, Any], now: float) -> dict[str, object]:
    what = asked["ask"]
    if what == "sign":
        proof = [b64decode(each, validate=True) for each in asked["proof"]]
        note = signer.sign(Checkpoint.parse(asked["head"]), proof, now, introduce=bool(asked["introduce"]))
        return {"note": note.decode()}
    if what == "absence":
        return {"note": signer.state_absence(Absence.parse(asked["text"]), now).decode()}
    if what == "make next keys":
        signer.make_next_keys()
    elif what == "change keys":
        signer.change_keys()
    elif what != "state":
        raise ValueError(what)
    keys, following = ([str(key) for key in each] for each in (signer.public_keys, signer.next_keys()))
    return {"origin": signer.origin, "keys": keys, "next": following, "note": signer.note.decode()}
