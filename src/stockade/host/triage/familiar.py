"""What the picture of a machine explains: what was there when it was known to be good, and is as it was, is a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from stockade.host.oddity import Oddity

Kinds = Mapping[str, Mapping[str, str]]
"""Kind by kind, each thing with what tells it apart from another of that name."""
LISTENER: Final = "listener"
PACKAGE: Final = "package"
CONTENT: Final = "files of package"
FILE: Final = "file"
MODULE: Final = "module"
FORMAT: Final = "program format"
INTERFACE: Final = "promiscuous interface"
OF: Final = {"file": FILE, "module": MODULE, "interface": INTERFACE, "kernel": FORMAT}
"""The kind of a picture that tells of the kind of thing an oddity is about."""


@dataclass(frozen=True, slots=True)
class Familiar:
    """A picture's things, and the same kinds of things as they are now."""

    was: Kinds
    now: Kinds = field(default_factory=dict)

    def weighed(self, oddity: Oddity) -> Oddity:
        """The oddity, as a note when the picture has what it is about, unchanged."""
        kind, thing = OF.get(oddity.subject.kind, ""), oddity.subject.id.removeprefix("binfmt_misc/")
        before = self.was.get(kind, {}).get(thing)
        return oddity if before is None or before != self.now.get(kind, {}).get(thing) else explained(oddity)


def explained(oddity: Oddity) -> Oddity:
    """The same as a note, as it was there when the picture was taken."""
    if oddity.severity == "informational":
        return oddity
    harmless = f"It is in the picture of this machine, and as it was then. {oddity.harmless}".rstrip()
    return replace(oddity, severity="informational", harmless=harmless)
