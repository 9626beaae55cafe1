"""Files that make something run again: told when what they run is what an honest file seldom holds, or is news.

What a package brought, unchanged, is passed over; what no package brought, and is unremarkable, is one note a kind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from stockade.events import Ref, Severity
from stockade.host.facts.commands import READERS, Command, commands
from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.origin import News, Origin, origin
from stockade.host.triage.suspicious import programs, reason
from stockade.host.triage.themes import THEMES

LIBRARIES: Final = re.compile(r"LD_(?:PRELOAD|AUDIT)=[\"']?([^\"'\s;]+)")
HEAVIEST: Final = 200_000_000
"""What the lines of one file may weigh, each by the square of its length: to read more would take minutes. A script
with two thousand lines of a hundred characters weighs a tenth of that.
"""
SHOWN: Final = 160
NAMED: Final = 12


class Sight(NamedTuple):
    """A file in a place, with where it comes from."""

    placed: Placed
    origin: Origin


def sights(files: Iterable[Placed], packages: Packages) -> Iterator[Sight]:
    """Every file that runs something, with where it comes from."""
    return (Sight(each, origin(each, packages)) for each in files if each.kind in READERS)


def news(seen: Iterable[Sight], now: float) -> News:
    """What tells news, from when the files of packages changed."""
    return News(
        (each.placed.changed for each in seen if each.origin.state == "unchanged" and not each.placed.link), now
    )


def odd(host: str, seen: Sequence[Sight], packages: Packages, is_news: News) -> Iterator[Oddity]:
    """All that is odd about them, and a note for what is merely nobody's."""
    quiet = defaultdict[str, list[Placed]](list)
    for sight in seen:
        if sight.origin.state in {"unchanged", "off"}:
            continue
        found = list(_one(host, sight, packages, fresh=is_news(sight.placed)))
        yield from found
        if not found and sight.origin.state == "nobody" and _runs_something(sight.placed):
            quiet[sight.placed.kind].append(sight.placed)
    yield from (_note(host, kind, files) for kind, files in quiet.items())


def _runs_something(placed: Placed) -> bool:
    return not placed.link and (placed.is_program or any(True for _ in commands(placed)))


def _one(host: str, sight: Sight, packages: Packages, *, fresh: bool) -> Iterator[Oddity]:
    placed = sight.placed
    told = next(_alarming(placed, packages), None)
    if told is not None:
        command, why = told
        yield _oddity(host, sight, "high", f"{why}: {_short(command.text)}", command)
    elif (
        placed.is_program
        and placed.kind in {"generator", "git hook", "git template"}
        and sight.origin.state == "nobody"
    ):
        yield _oddity(host, sight, "high", "is a compiled program that no package brought")
    elif placed.mode & 0o002 and not placed.link:
        yield _oddity(host, sight, "medium", "can be changed by anybody")
    elif fresh and sight.origin.state == "nobody" and not placed.link and (ran := _unowned(placed, packages)):
        yield _oddity(host, sight, "medium", f"came within a week, without a package, and runs what is nobody's: {ran}")


def _alarming(placed: Placed, packages: Packages) -> Iterator[tuple[Command, str]]:
    weight = 0
    for command in commands(placed):
        weight += len(command.text) ** 2
        if weight > HEAVIEST:
            yield command, "has more and longer lines than people write, so that nobody reads on"
            return
        why = reason(command.text)
        if why is not None and not _known_library(command.text, packages):
            yield command, why


def _known_library(command: str, packages: Packages) -> bool:
    """A library of a package put into programs, such as jemalloc: its owner was asked."""
    found = LIBRARIES.findall(command)
    return bool(found) and all(packages.owner(path) for said in found for path in said.split(":"))


def _unowned(placed: Placed, packages: Packages) -> str | None:
    """The first program that it runs by a whole path and that no package brought."""
    ran = (program for command in commands(placed) for program in programs(command.text))
    return next((each for each in ran if each.startswith("/") and packages.owner(each) is None), None)


def _oddity(host: str, sight: Sight, severity: Severity, what: str, command: Command | None = None) -> Oddity:
    placed, theme = sight.placed, THEMES[sight.placed.kind]
    facts: dict[str, object] = {"path": placed.path, "sha256": placed.sha256, "changed": placed.changed}
    if command is not None:
        facts |= {"command": _short(command.text), "user": command.user, "trigger": command.trigger}
    look = theme.look.format(path=placed.path, name=placed.path.rpartition("/")[2])
    return Oddity(
        theme.signal, severity, f"{theme.noun} {placed.path} {what}", Ref(host, "file", placed.path), theme.why, look,
        _harmless(sight), theme.techniques, facts,
    )  # fmt: skip


def _harmless(sight: Sight) -> str:
    package, state = sight.origin
    if state == "nobody":
        return "No package brought it. It is harmless if somebody of yours put it there and knows what it runs."
    if state == "made":
        return f"Package {package} makes it when it is set up, and keeps no digest of it: compare another machine's."
    return f"Package {package} brought it, and it was changed since. It is harmless if somebody of yours changed it so."


def _note(host: str, kind: str, files: Sequence[Placed]) -> Oddity:
    theme, paths = THEMES[kind], [each.path for each in files]
    named = ", ".join(paths[:NAMED]) + (" …" if len(paths) > NAMED else "")
    return Oddity(
        theme.signal, "informational", f"{theme.noun}, brought by no package: {named}", Ref(host, "file", paths[0]),
        theme.why, theme.look.format(path=paths[0], name=paths[0].rpartition("/")[2]),
        "What they run was read: nothing is fetched, hidden or opened. A baseline tells whether they are new.",
        theme.techniques, {"paths": paths},
    )  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
