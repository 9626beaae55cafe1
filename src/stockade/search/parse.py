"""A query as somebody writes it: ``who:alice since:7d (is:tokens OR "wrong password") -outcome:success``.

::

    query  = either                                 terms beside each other must all hold
    either = both { "OR" both }
    both   = single { [ "AND" ] single }
    single = ( "-" | "NOT" ) single | "(" either ")" | term
    term   = [ field ":" ] value [ "*" ]            "*" at the end: begins with
    value  = word { "," word } | quotation          a comma behind a field: or
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Final, NoReturn

from stockade.search.query import EVERYTHING, All, Either, Not, Query
from stockade.search.scan import Piece, QueryError, pieces
from stockade.search.terms import term

MOST: Final = 200
"""Terms of a query."""
DEEPEST: Final = 40
"""Parentheses and negations within one another."""


def parse(text: str, now: float, zone: tzinfo = UTC) -> Query:
    """The query that was written. ``now`` is in seconds since the epoch; days and times of day are those of ``zone``.

    Raises QueryError, which knows the place and, where there is one, the nearest right word.
    """
    found = list(pieces(text))
    if sum(piece.kind == "term" for piece in found) > MOST:
        raise QueryError(f"the query has more than {MOST} terms", text, 0, len(text))
    return _Parser(text, found, now, zone).whole() if found else EVERYTHING


class _Parser:
    """Reads the pieces from left to right, each once."""

    def __init__(self, text: str, found: list[Piece], now: float, zone: tzinfo) -> None:
        self.text = text
        self.found = found
        self.now = now
        self.zone = zone
        self.at = 0
        self.depth = 0

    @property
    def kind(self) -> str:
        return self.found[self.at].kind if self.at < len(self.found) else "end"

    def whole(self) -> Query:
        query = self.either()
        if self.kind != "end":
            self.complain("this parenthesis closes nothing", "Take it away, or open one before it.")
        return query

    def either(self) -> Query:
        parts = [self.both()]
        while self.kind == "or":
            self.at += 1
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Query:
        parts = [self.single()]
        while self.kind in {"and", "term", "open", "minus", "not"}:
            self.at += self.kind == "and"
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def single(self) -> Query:
        kind, self.depth = self.kind, self.depth + 1
        if self.depth > DEEPEST:
            self.complain("this is too deep within parentheses", "Ask in two queries.")
        if kind not in {"minus", "not", "open", "term"}:
            self.complain(f"something to look for is missing {'at the end' if kind == 'end' else 'here'}", _ESCAPE)
        self.at += 1
        query = self.inside(kind)
        self.depth -= 1
        return query

    def inside(self, kind: str) -> Query:
        if kind in {"minus", "not"}:
            return Not(self.single())
        if kind == "term":
            return term(self.text, self.found[self.at - 1], self.now, self.zone)
        opened, query = self.found[self.at - 1], self.either()
        if self.kind != "close":
            raise QueryError(
                "a parenthesis is not closed", self.text, opened.start, opened.end, remedy="Close it with )."
            )
        self.at += 1
        return query

    def complain(self, message: str, remedy: str) -> NoReturn:
        end = len(self.text)
        piece = self.found[self.at] if self.at < len(self.found) else Piece("term", end, end + 1)
        raise QueryError(message, self.text, piece.start, piece.end, remedy=remedy)


_ESCAPE: Final = "OR, AND and NOT stand between and before terms; in quotation marks they are words."
