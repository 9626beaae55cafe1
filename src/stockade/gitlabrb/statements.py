"""Tokens become statements: what stands between two line ends, with every block, bracket and ``end`` in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stockade.gitlabrb.ruby import Token, starts_value

_OPENS = frozenset({"do", "class", "module", "def", "begin", "case"})
_OPENS_AT_START = frozenset({"if", "unless", "while", "until", "for"})  # elsewhere they are modifiers
_LOOPS = frozenset({"while", "until", "for"})
_MORE_FOLLOWS = frozenset(
    [",", "=", "=>", "+", "-", "*", "/", ".", "&.", "&&", "||", "<<", "==", "!=", "=~", "!", "?", ":", "::", "+="]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, never empty; its tokens include the line ends within it."""

    tokens: tuple[Token, ...]

    @property
    def first(self) -> int:
        """The line on which it begins."""
        return self.tokens[0].line

    @property
    def last(self) -> int:
        """The line on which it ends."""
        return max(self.tokens[-1].last_line, self.tokens[-1].line)


def statements(tokens: Sequence[Token]) -> Iterator[Statement]:
    """The statements of the outermost level."""
    depth, taken = _Depth(), list[Token]()
    for number, token in enumerate(tokens):
        if token.kind != "newline" or not depth.is_outermost:
            depth.pass_over(token)
            taken.append(token)
        elif taken and not _goes_on(taken[-1], tokens, number):
            yield Statement(tuple(taken))
            depth, taken = _Depth(), []
    while taken and taken[-1].kind == "newline":
        taken.pop()
    if taken:
        yield Statement(tuple(taken))


def _goes_on(last: Token, tokens: Sequence[Token], newline: int) -> bool:
    """Whether a line end is none: an operator stands before it, or a method call after it."""
    if last.kind == "op" and last.text in _MORE_FOLLOWS:
        return True
    after = next((token for token in tokens[newline : newline + 20] if token.kind != "newline"), None)
    return after is not None and after.is_op(".", "&.")


class _Depth:
    """How many brackets and blocks are open; a closing mark too many is passed over."""

    def __init__(self) -> None:
        self._brackets = self._blocks = 0
        self._before: Token | None = None
        self._loop_awaits_do = False

    @property
    def is_outermost(self) -> bool:
        return not self._brackets and not self._blocks

    def pass_over(self, token: Token) -> None:
        if token.is_op("(", "[", "{"):
            self._brackets += 1
        elif token.is_op(")", "]", "}"):
            self._brackets = max(0, self._brackets - 1)
        elif token.kind == "name" and not (self._before and self._before.is_op(".", "&.", "::")):
            self._pass_over_name(token)
        elif token.kind == "newline":
            self._loop_awaits_do = False
        self._before = token

    def _pass_over_name(self, token: Token) -> None:
        if token.text == "end":
            self._blocks = max(0, self._blocks - 1)
        elif token.text == "do" and self._loop_awaits_do:
            self._loop_awaits_do = False
        elif token.text in _OPENS or (token.text in _OPENS_AT_START and starts_value(self._before)):
            self._blocks += 1
            self._loop_awaits_do = token.text in _LOOPS


def halves(tokens: Sequence[Token], *separators: str) -> tuple[Sequence[Token], Sequence[Token]] | None:
    """What stands before and after the first of these outermost names or operators; None where there is none."""
    depth = _Depth()
    for number, token in enumerate(tokens):
        if depth.is_outermost and (token.is_name(*separators) or token.is_op(*separators)):
            return tokens[:number], tokens[number + 1 :]
        depth.pass_over(token)
    return None


def split(tokens: Sequence[Token], *separators: str) -> list[Sequence[Token]]:
    """What stands between these outermost names or operators."""
    depth, parts = _Depth(), [list[Token]()]
    for token in tokens:
        if depth.is_outermost and (token.is_name(*separators) or token.is_op(*separators)):
            parts.append([])
        else:
            depth.pass_over(token)
            parts[-1].append(token)
    return [*parts]
