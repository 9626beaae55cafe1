"""The text of a query cut into pieces, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from stockade.errors import ConfigurationError

LONGEST: Final = 2_000
"""Characters of a query."""

Kind = Literal["open", "close", "minus", "or", "and", "not", "term"]
_OPERATORS: Final[dict[str, Kind]] = {"OR": "or", "AND": "and", "NOT": "not"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A parenthesis, an operator or a term. A term may have a field; its text is without its quotation marks."""

    kind: Kind
    start: int
    end: int
    text: str = ""
    field: str | None = None
    value_at: int = 0
    quoted: bool = False
    star: bool = False


class QueryError(ConfigurationError):
    """A query that cannot be understood, and the place where: from ``start`` up to ``end`` of ``query``."""

    def __init__(self, message: str, query: str, start: int, end: int, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.query = query
        self.start = start
        self.end = max(end, start + 1)


def pieces(text: str) -> Iterator[Piece]:
    """The pieces, in order. Raises QueryError where a quotation does not end, and when the whole is too long."""
    if len(text) > LONGEST:
        raise QueryError(f"the query is longer than {LONGEST} characters", text, LONGEST, len(text))
    at = 0
    while at < len(text):
        letter = text[at]
        if letter.isspace():
            at += 1
            continue
        if letter in "()":
            piece = Piece("open" if letter == "(" else "close", at, at + 1)
        elif letter == "-" and at + 1 < len(text) and not text[at + 1].isspace():
            piece = Piece("minus", at, at + 1)
        else:
            piece = _term(text, at)
        yield piece
        at = piece.end


def _term(text: str, start: int) -> Piece:
    if text[start] == '"':
        return _quoted(text, start, start, None)
    end, name = _bare(text, start), None
    before, colon, _ = text[start:end].partition(":")
    value_at = start
    if colon and _is_name(before):
        name, value_at = before, start + len(before) + 1
        if value_at < len(text) and text[value_at] == '"':
            return _quoted(text, start, value_at, name)
    written = text[value_at:end]
    if name is None and written in _OPERATORS:
        return Piece(_OPERATORS[written], start, end)
    star = written.endswith("*")
    return Piece("term", start, end, written.removesuffix("*"), name, value_at, star=star)


def _quoted(text: str, start: int, opens: int, name: str | None) -> Piece:
    closes = opens + 1
    letters: list[str] = []
    while closes < len(text) and text[closes] != '"':
        closes += text[closes] == "\\" and closes + 1 < len(text)
        letters.append(text[closes])
        closes += 1
    if closes >= len(text):
        raise QueryError("a quotation has no end", text, opens, len(text), remedy='Close it with ".')
    star = text.startswith("*", closes + 1)
    return Piece("term", start, closes + 1 + star, "".join(letters), name, opens, quoted=True, star=star)


def _bare(text: str, start: int) -> int:
    """Where a term without quotation marks ends; what stands behind ``field:`` may begin one."""
    end = start
    while end < len(text) and not text[end].isspace() and text[end] not in '()"':
        end += 1
    return end


def _is_name(text: str) -> bool:
    return text[:1].isalpha() and all(letter.isalnum() or letter in "._-" for letter in text)
