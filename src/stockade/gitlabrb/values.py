"""The values that configuration gives: literals, lists, tables, durations and the names of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stockade.gitlabrb.ruby import Token

Value = object  # None, bool, int, float, str, Text, list, dict, or whatever a name was bound to

_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "fortnight": 1209600,
}  # ActiveSupport
_UNITS = _SECONDS | {f"{unit}s": seconds for unit, seconds in _SECONDS.items()}
_CHANGE_NOTHING = frozenset({"freeze", "dup", "to_i", "to_a", "to_s", "uniq", "compact", "flatten", "in_seconds"})
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "nil": None}
_DEEPEST = 40
_LARGEST = 10**15  # no count and no duration comes near it


class Unreadable(Exception):
    """An expression that only Ruby could evaluate."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Text(str):
    """A string that remembers the line it was written on."""

    __slots__ = ("line",)
    line: int

    @classmethod
    def of(cls, token: Token) -> Text:
        """The value of a string token."""
        text = cls(token.value)
        text.line = token.line
        return text


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a name is bound to when its value could not be read."""

    what: str


def evaluate(tokens: Sequence[Token], names: Mapping[str, Value]) -> Value:
    """The value of a whole expression; raises Unreadable where Ruby itself would be needed."""
    reader = _Reader([token for token in tokens if token.kind != "newline"], names)
    value = reader.sum()
    if reader.at < len(reader.tokens):
        raise Unreadable(f"{_word(reader.tokens[reader.at])} is more than a plain value")
    return value


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: Sequence[Token], names: Mapping[str, Value]) -> None:
        self.tokens = tokens
        self.names = names
        self.at = 0
        self.depth = 0

    def _peek(self, *operators: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].is_op(*operators)

    def _take(self, *operators: str) -> bool:
        found = self._peek(*operators)
        self.at += found
        return found

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise Unreadable(f"‘{operator}’ is missing")

    def sum(self) -> Value:
        """Terms joined by ``+`` and ``-``; lists too are joined by ``+``."""
        value = self._product()
        while self._peek("+", "-"):
            plus = self._take("+") or not self._take("-")
            value = _added(value, self._product(), plus=plus)
        return value

    def _product(self) -> Value:
        value = self._postfix()
        while self._peek("*", "/"):
            times = self._take("*") or not self._take("/")
            value = _multiplied(value, self._postfix(), times=times)
        return value

    def _postfix(self) -> Value:
        value = self._primary()
        while self._take(".", "&."):
            value = self._method(value)
        return value

    def _method(self, value: Value) -> Value:
        name = self.tokens[self.at].text if self.at < len(self.tokens) else ""
        self.at += 1
        if name in _UNITS and _is_number(value):
            return _multiplied(value, _UNITS[name], times=True)
        if name in _CHANGE_NOTHING:
            return value
        raise Unreadable(f"‘.{name}’ is a computation")

    def _primary(self) -> Value:
        if self.at >= len(self.tokens):
            raise Unreadable("a value is missing")
        token = self.tokens[self.at]
        self.at += 1
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("it is nested too deeply")
        value = self._bracketed(token.text) if token.kind == "op" else _simple(token, self.names)
        self.depth -= 1
        return value

    def _bracketed(self, opening: str) -> Value:
        if opening == "-":
            return _multiplied(self._postfix(), -1, times=True)
        if opening == "[":
            return self._list()
        if opening == "{":
            return self._table()
        if opening == "(":
            value = self.sum()
            self._expect(")")
            return value
        raise Unreadable(f"‘{opening}’ is more than a plain value")

    def _list(self) -> list[Value]:
        items: list[Value] = []
        while not self._take("]"):
            splat = self._take("*")
            item = self.sum()
            items += item if splat and isinstance(item, list) else [item]
            if not self._peek("]"):
                self._expect(",")
        return items

    def _table(self) -> dict[str, Value]:
        table: dict[str, Value] = {}
        while not self._take("}"):
            key = self._key()
            table[key] = self.sum()
            if not self._peek("}"):
                self._expect(",")
        return table

    def _key(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        self.at += 1
        if token and token.kind == "label":
            return token.value
        if token and token.kind in {"string", "symbol"} and self._take("=>", ":"):
            return token.value
        raise Unreadable("a key is not a plain word")


def _simple(token: Token, names: Mapping[str, Value]) -> Value:
    match token.kind:
        case "string":
            return Text.of(token)
        case "symbol":
            return token.value
        case "words":
            return token.value.split()
        case "number":
            return _number(token)
        case "name" if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        case "name" if token.text in names and not isinstance(names[token.text], Unknown):
            return names[token.text]
    raise Unreadable(f"{_word(token)} is known to Ruby alone")


def _word(token: Token) -> str:
    """A token as a report may show it: a literal may be a secret."""
    return f"‘{token.text}’" if token.kind in {"name", "op"} else "a literal"


def _number(token: Token) -> int | float:
    if len(token.value) > 30:
        raise Unreadable("the number is too long")
    return _bounded(float(token.value) if set(token.value) & set(".eE") else int(token.value))


def _bounded(number: float) -> float:
    if abs(number) > _LARGEST:
        raise Unreadable("the number is too large")
    return number


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _added(left: Value, right: Value, *, plus: bool) -> Value:
    if isinstance(left, list) and isinstance(right, list) and plus:
        return left + right
    if isinstance(left, str) and isinstance(right, str) and plus:
        return left + right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _bounded(left + right if plus else left - right)
    raise Unreadable("it adds what cannot be added")


def _multiplied(left: Value, right: Value, *, times: bool) -> Value:
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise Unreadable("it multiplies what is no number")
    try:
        if times:
            return _bounded(left * right)
        return left // right if isinstance(left, int) and isinstance(right, int) else left / right
    except ArithmeticError:
        raise Unreadable("its arithmetic has no result") from None
