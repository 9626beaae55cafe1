"""How what is odd about a file in a place is told."""

from __future__ import annotations

from typing import NamedTuple

from stockade.events import Ref, Severity
from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.themes import THEMES


class Told(NamedTuple):
    """Tells about one file of a machine: how bad, what, why it may be harmless, and the facts."""

    host: str
    placed: Placed

    def __call__(self, severity: Severity, what: str, harmless: str, **facts: object) -> Oddity:
        """The oddity, with what an intruder gains by such a file and how to look closer."""
        theme, path = THEMES[self.placed.kind], self.placed.path
        look = theme.look.format(path=path, name=path.rpartition("/")[2])
        known: dict[str, object] = {"path": path, "sha256": self.placed.sha256, "changed": self.placed.changed, **facts}
        title, subject = f"{theme.noun} {path} {what}", Ref(self.host, "file", path)
        return Oddity(theme.signal, severity, title, subject, theme.why, look, harmless, theme.techniques, known)


def whose(command: str, packages: Packages) -> str:
    """What is known of the programs of a command."""
    mine = unowned(command, packages)
    return f"No package brought {mine}." if mine else "A package brought what it runs."


def unowned(command: str, packages: Packages) -> str | None:
    """The first whole path in a command that no package brought."""
    words = (word for word in command.split() if word.startswith("/"))
    return next((word for word in words if packages.owner(word) is None), None)
