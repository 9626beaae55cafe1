"""Which event of another system is which action: data, one file a source, read and checked here.

::

    system = "gitlab"
    title = "GitLab: audit events"

    [[map]]
    action = "token.create"
    from = ["personal_access_token_created", "deploy_token_created"]

    [[map]]
    action = "token.create"
    outcome = "failure"
    from = ["*_token_creation_failed"]

A name may hold ``*`` for any text; a name without one counts before those with, and of those the longest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, get_args

from stockade.actions import BEHAVIOUR_OF, UNKNOWN
from stockade.errors import ConfigurationError
from stockade.events import Outcome

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
REMEMBERED: Final = 4_096
"""Foreign names whose action is kept at hand."""


class Meaning(NamedTuple):
    """What a foreign event is in our words."""

    action: str
    outcome: Outcome = "success"


NOTHING: Final = Meaning(UNKNOWN, "unknown")


@dataclass(frozen=True)
class Row:
    """Some foreign names, and what they mean."""

    meaning: Meaning
    names: tuple[str, ...]


class Table:
    """The rows of one source. ``meaning(name)`` answers :data:`NOTHING` for a name that stands in none."""

    def __init__(self, name: str, system: str, title: str, rows: tuple[Row, ...]) -> None:
        self.name, self.system, self.title, self.rows = name, system, title, rows
        each = [(foreign, row.meaning) for row in rows for foreign in row.names]
        self._exact = {foreign: meaning for foreign, meaning in each if "*" not in foreign}
        globs = sorted((pair for pair in each if "*" in pair[0]), key=lambda pair: -len(pair[0]))
        self._globs = [(_pattern(foreign), meaning) for foreign, meaning in globs]
        self._found: dict[str, Meaning] = {}

    def meaning(self, name: str) -> Meaning:
        """What a foreign event means; its name counts in lower case."""
        name = name[:256]
        found = self._found.get(name)
        if found is None:
            found = self._look_up(name.lower())
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[name] = found
        return found

    def _look_up(self, name: str) -> Meaning:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return next((meaning for pattern, meaning in self._globs if pattern.match(name)), NOTHING)


def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, glob.split("*"))) + r"\Z", re.DOTALL)


@cache
def table(name: str) -> Table:
    """A table that comes with Stockade, by the name of its file."""
    text = (files("stockade.intake") / "tables" / f"{name}.toml").read_text("utf-8")
    return read(tomllib.loads(text), name=name, where=f"{name}.toml")


def names() -> list[str]:
    """The tables that come with Stockade."""
    found = (files("stockade.intake") / "tables").iterdir()
    return sorted(each.name.removesuffix(".toml") for each in found if each.name.endswith(".toml"))


def read(document: Mapping[str, Any], *, name: str, where: str) -> Table:
    """A table of a TOML document. Raises ConfigurationError, naming the place, for what it cannot mean."""
    for key in document.keys() - {"system", "title", "map"}:
        raise wrong(where, f"has no setting {key!r}", "It may have system, title and map.")
    listed = document.get("map", [])
    if not isinstance(listed, list):
        raise wrong(where, "map is no list of tables", 'Write [[map]] before each: action = "…", from = ["…"].')
    rows = tuple(_rows(listed, where))
    return Table(name, text_of(document, "system", where), str(document.get("title", name)), rows)


def _rows(listed: list[Any], where: str) -> Iterator[Row]:
    taken = set[str]()
    for number, entry in enumerate(listed, 1):
        here = f"{where}: [[map]] number {number}"
        if not isinstance(entry, dict) or entry.keys() - {"action", "outcome", "from"}:
            raise wrong(here, "may have action, outcome and from only", "")
        foreign = entry.get("from")
        if not isinstance(foreign, list) or not foreign or not all(isinstance(each, str) and each for each in foreign):
            raise wrong(here, "from is not a list of names", 'Write from = ["their_name"].')
        for each in taken.intersection(foreign):
            raise wrong(here, f"{each!r} stands in an earlier one too", "Say once what it means.")
        taken.update(foreign)
        yield Row(meaning_of(entry, here), tuple(each.lower() for each in foreign))


def meaning_of(entry: Mapping[str, Any], where: str) -> Meaning:
    """``action`` and ``outcome`` of a table. Raises ConfigurationError for words that are not in the vocabulary."""
    action, outcome = text_of(entry, "action", where), entry.get("outcome", "success")
    if action not in BEHAVIOUR_OF:
        near = get_close_matches(action, BEHAVIOUR_OF, 1)
        raise wrong(
            where, f"there is no action {action!r}", f"Did you mean {near[0]!r}?" if near else "See the vocabulary."
        )
    if outcome not in OUTCOMES:
        raise wrong(where, f"there is no outcome {outcome!r}", f"Write one of {', '.join(OUTCOMES)}.")
    return Meaning(action, outcome)


def text_of(entry: Mapping[str, Any], key: str, where: str) -> str:
    """A setting that must be there and be a text. Raises ConfigurationError."""
    found = entry.get(key)
    if not isinstance(found, str) or not found:
        raise wrong(where, f"{key} is missing, or no text", f'Write {key} = "…".')
    return found


def wrong(where: str, what: str, remedy: str) -> ConfigurationError:
    """A table or mapping that cannot be followed."""
    return ConfigurationError(f"{where}: {what}", remedy=remedy)
