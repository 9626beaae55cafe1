"""A signed statement that something is not in the log: no event of an action between two heads.

::

    stockade audit absence v1
    action token.create
    after
    stockade.example/node1
    5
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    until
    stockade.example/node1
    709
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    — stockade.example/node1 …

That nothing is there cannot be shown with a few hashes: it is seen by looking at every entry. So the signer answers for
it with its key, and whoever has the log looks again (``stockade audit absence --check``). The two heads say of which
entries it speaks, and of which log; a log that lacks entries cannot have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import ED25519, PublicKey
from stockade.audit.note import Note
from stockade.errors import Tampered

HEADER: Final = "stockade audit absence v1"


@dataclass(frozen=True, slots=True)
class Absence:
    """No entry from number ``start.size`` up to ``end.size`` has this action; ``token.*`` stands for many."""

    action: str
    start: Checkpoint
    end: Checkpoint

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{HEADER}\naction {self.action}\nafter\n{self.start.text}until\n{self.end.text}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a statement without believing it. Raises Tampered when it is none."""
        header, _, rest = text.partition("\n")
        action, _, rest = rest.partition("\nafter\n")
        start, _, end = rest.partition("until\n")
        found = cls(action.removeprefix("action "), Checkpoint.parse(start), Checkpoint.parse(end))
        if header != HEADER or found.text != text or found.start.origin != found.end.origin:
            raise Tampered("this is no statement that events are absent")
        return found


def signed_absence(raw: bytes, keys: Sequence[PublicKey]) -> Absence:
    """The statement in a signed note. Raises Tampered unless one of the keys, of those that sign texts, has signed."""
    note = Note.parse(raw)
    if not note.signers([key for key in keys if key.kind == ED25519]):
        raise Tampered("the statement is not signed with a key that was given")
    return Absence.parse(note.text)
