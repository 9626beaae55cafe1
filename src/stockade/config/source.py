"""A TOML text that remembers where everything in it stands, so that an error can name the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from stockade.errors import ConfigurationError

Step = str | int
Steps = tuple[Step, ...]

MAX_OCTETS: Final = 1_000_000

_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\[\]{}\n\"'\#]+",
    re.DOTALL,
)
_KEY: Final = re.compile(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)')
_ASSIGNMENT: Final = re.compile(r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'|[ \t.])+=""")
_LINE_OF_ERROR: Final = re.compile(r"\s*\(at line (\d+), column \d+\)| \(at end of document\)")


@dataclass(frozen=True)
class Source:
    """A configuration as it was written: ``name`` is what errors call it, normally the file's name."""

    name: str
    text: str

    @cached_property
    def table(self) -> Mapping[str, object]:
        """What the text says. Raises ConfigurationError, with the line, when it is not TOML 1.0."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = _LINE_OF_ERROR.search(str(error))
            last = self.text.rstrip().count("\n") + 1
            line = int(found[1]) if found and found[1] else last
            what = _LINE_OF_ERROR.sub("", str(error))
            raise ConfigurationError(
                f"{self.name}:{line}: not TOML: {what}", remedy="Mend that line, or the one before it."
            ) from error

    @cached_property
    def _statements(self) -> dict[Steps, tuple[int, str]]:
        found: dict[Steps, tuple[int, str]] = {}
        for steps, line, text in _placed(self.text):
            found.setdefault(steps, (line, text))
        return found

    def line(self, steps: Steps) -> int | None:
        """The line of a setting, or of the nearest thing around it that stands in the text; None for neither."""
        for length in range(len(steps), 0, -1):
            if steps[:length] in self._statements:
                line, text = self._statements[steps[:length]]
                return line + _lines_before(text, [s for s in steps[length:] if isinstance(s, str)])
        return None

    def place(self, *steps: Step) -> Place:
        """Somewhere in this text."""
        return Place(self, steps)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, ready to complain about it."""

    source: Source
    steps: Steps = ()

    def __truediv__(self, step: Step) -> Place:
        return Place(self.source, (*self.steps, step))

    @property
    def key(self) -> str:
        """The last name on the way here."""
        return next((s for s in reversed(self.steps) if isinstance(s, str)), "")

    def wrong(self, what: str, remedy: str = "") -> ConfigurationError:
        """The error that says ``what`` is wrong here, with file and line."""
        line = self.source.line(self.steps)
        where = f"{self.source.name}:{line}" if line else self.source.name
        return ConfigurationError(f"{where}: {what}", remedy=remedy)


def read_source(path: Path) -> Source:
    """The text of a file. Raises ConfigurationError when it cannot be read, is not UTF-8, or is beyond a megabyte."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}",
            remedy="Name a configuration file that can be read.",
        ) from error
    if len(octets) > MAX_OCTETS:
        raise ConfigurationError(f"{path}: larger than a megabyte", remedy="Is it a configuration at all?")
    try:
        return Source(str(path), octets.decode("utf-8").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8", remedy="Save the file as UTF-8.") from error


def _placed(text: str) -> Iterator[tuple[Steps, int, str]]:
    """Every header and every assignment of a valid TOML text: its steps from the root, its line, its text."""
    inside: Steps = ()
    counts: dict[Steps, int] = {}
    for line, statement in _split(text):
        if statement.startswith("[["):
            name = _through(_keys(statement[2 : statement.index("]]")]), counts)
            counts[name] = counts.get(name, -1) + 1
            inside = (*name, counts[name])
            yield inside, line, statement
            yield name, line, statement
        elif statement.startswith("["):
            inside = _through(_keys(statement[1 : statement.rindex("]")]), counts)
            yield inside, line, statement
        elif assigned := _ASSIGNMENT.match(statement):
            keys = _keys(assigned[0][:-1])
            for length in range(1, len(keys) + 1):
                yield (*inside, *keys[:length]), line, statement


def _split(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a TOML text, each with the line it begins on; comments left out."""
    line, begun, depth, parts = 1, 1, 0, ""
    for piece in _TOKEN.findall(text + "\n"):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(piece, 0)
        if piece == "\n" and depth == 0:
            if parts.strip():
                yield begun, parts.lstrip()
            parts = ""
        elif not piece.startswith("#"):
            if not parts.strip() and piece.strip():
                begun, parts = line, ""
            parts += piece
        line += piece.count("\n")


def _keys(text: str) -> tuple[str, ...]:
    return tuple(basic or literal or bare for basic, literal, bare in _KEY.findall(text))


def _through(keys: tuple[str, ...], counts: Mapping[Steps, int]) -> Steps:
    """Steps by way of the latest element of each array of tables on the way; the last key is left as it is."""
    steps: Steps = ()
    for position, key in enumerate(keys):
        steps = (*steps, key)
        if steps in counts and position < len(keys) - 1:
            steps = (*steps, counts[steps])
    return steps


def _lines_before(statement: str, keys: list[str]) -> int:
    """How many lines into a statement the last of these keys is assigned, following them in order."""
    at = 0
    for key in keys:
        found = re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(key)}[\"']?\s*[=.]").search(statement, at)
        at = found.start() if found else at
    return statement.count("\n", 0, at)
