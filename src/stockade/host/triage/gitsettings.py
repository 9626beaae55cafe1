"""Settings of Git that run something: where hooks are taken from, and programs that Git asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.events import Severity
from stockade.host.facts.githooks import settings
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.suspicious import ANYBODYS, programs, reason
from stockade.host.triage.telling import Told

RUN: Final = frozenset(
    {"core.fsmonitor", "core.sshcommand", "core.editor", "core.pager", "core.askpass", "sequence.editor"}
)
FOLDERS: Final = frozenset({"core.hookspath", "init.templatedir"})


def odd(host: str, found: Iterable[Placed]) -> Iterator[Oddity]:
    """Those that take hooks or programs from where anybody can put them, or run what an honest setting seldom holds."""
    for placed in found:
        for name, value in settings(placed.text):
            said = f"says {name} = {value}"
            if name in FOLDERS:
                bare = not placed.path.endswith(("/.git/config", "gitconfig", "/git/config"))
                yield Told(host, placed)(
                    _graded(value, bare=bare), said, "Tools for developers set it in their clones."
                )
            elif (why := _runs(name, value)) is not None:
                yield Told(host, placed)("high", f"{said}: {why}", "A program of Git's own stands there otherwise.")


def _graded(folder: str, *, bare: bool) -> Severity:
    if f"{folder}/".startswith(ANYBODYS):
        return "high"
    return "medium" if bare else "informational"


def _runs(name: str, value: str) -> str | None:
    if name.startswith("alias.") and not value.startswith("!"):
        return None
    if name in RUN or name.startswith(("alias.", "filter.")) or name.endswith((".helper", ".textconv", ".command")):
        value = value.removeprefix("!")
        if any(program.startswith(ANYBODYS) for program in programs(value)):
            return "anybody can change that program"
        return reason(value)
    return None
