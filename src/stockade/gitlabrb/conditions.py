"""The block of a Rack::Attack rule becomes a condition, where it asks no more than Stockade's conditions do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stockade.gitlabrb.ruby import Token
from stockade.gitlabrb.statements import halves, split
from stockade.gitlabrb.values import Unreadable, Value, evaluate

Condition = dict[str, list[str]]  # method, path, prefix, network: each a list of which one must match

_ADDRESS = ("ip", "remote_ip")
_LONGEST = 1000  # tokens of a block
_METHODS = ("get?", "post?", "put?", "patch?", "delete?", "head?", "options?")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What a pattern made of a list of paths is bound to: it matches what starts with one of them."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The tokens of ``do |req| … end`` or ``{ |req| … }``, without these marks."""

    request: str
    body: Sequence[Token]

    @classmethod
    def of(cls, tokens: Sequence[Token]) -> Block:
        """Take a block apart; raises Unreadable when it is something else."""
        if not tokens or not (tokens[-1].is_op("}") or tokens[-1].is_name("end")):
            raise Unreadable("it has no block, or something after it")
        inner = list(tokens[1:-1])
        if len(inner) > _LONGEST:
            raise Unreadable("its block is too long to be understood")
        if len(inner) < 3 or not (inner[0].is_op("|") and inner[1].kind == "name" and inner[2].is_op("|")):
            raise Unreadable("its block does not name the request")
        return cls(inner[1].text, inner[3:])

    def discriminator(self, names: Mapping[str, Value]) -> Condition:
        """The condition under which the block counts the client's address; raises Unreadable for anything else."""
        condition, counted = self._condition_and_result()
        if not _calls(counted, self.request, *_ADDRESS):
            raise Unreadable("it counts by something else than the client's address")
        return self._all(condition, names) if condition else {}

    def predicate(self, names: Mapping[str, Value]) -> Condition:
        """The condition that is the block's whole result; raises Unreadable for anything else."""
        return self._all(_trimmed(self.body), names)

    def _condition_and_result(self) -> tuple[Sequence[Token], Sequence[Token]]:
        """The four ways to write it: ``if c … end``, ``x if c``, ``c && x`` and ``x`` alone."""
        body = _trimmed(self.body)
        if body and body[0].is_name("if") and body[-1].is_name("end"):
            number = next((n for n, token in enumerate(body) if token.kind == "newline" or token.is_name("then")), 0)
            return body[1:number], _trimmed(body[number + 1 : -1])
        if modified := halves(body, "if"):
            return modified[1], modified[0]
        *conditions, result = split(body, "&&")
        joined = [token for part in conditions for token in (*part, _AND)]
        return joined[:-1], _trimmed(result)

    def _all(self, tokens: Sequence[Token], names: Mapping[str, Value]) -> Condition:
        """Terms joined by ``&&``."""
        condition: Condition = {}
        for part in split(_without_parentheses(tokens), "&&", "and"):
            for key, values in self._any(part, names).items():
                if key in condition:
                    raise Unreadable(f"it asks twice for the {key.replace('_', ' ')}")
                condition[key] = values
        return condition

    def _any(self, tokens: Sequence[Token], names: Mapping[str, Value]) -> Condition:
        """Terms joined by ``||``, which must ask the same thing."""
        parts = split(_without_parentheses(tokens), "||", "or")
        (key, values), *others = (self._term(part, names) for part in parts)
        if any(other != key for other, _ in others):
            raise Unreadable("it joins unlike questions with ‘||’")
        return {key: [*values, *(value for _, more in others for value in more)]}

    def _term(self, tokens: Sequence[Token], names: Mapping[str, Value]) -> tuple[str, list[str]]:
        term = _trimmed(_without_parentheses(tokens))
        for reading in (self._method, self._comparison, self._pattern, self._start, self._membership):
            if (found := reading(term, names)) is not None:
                return found
        raise Unreadable("its block asks what only Ruby knows")

    def _method(self, term: Sequence[Token], _: Mapping[str, Value]) -> tuple[str, list[str]] | None:
        return ("method", [term[2].text[:-1].upper()]) if _calls(term, self.request, *_METHODS) else None

    def _comparison(self, term: Sequence[Token], names: Mapping[str, Value]) -> tuple[str, list[str]] | None:
        """``req.path == '/x'``, either way round."""
        sides = halves(term, "==")
        if not sides:
            return None
        asked, given = sides if self._asks(sides[0]) else (sides[1], sides[0])
        key = self._asks(asked)
        return (key, [_exact(key, evaluate(given, names))]) if key else None

    def _pattern(self, term: Sequence[Token], names: Mapping[str, Value]) -> tuple[str, list[str]] | None:
        """``req.path =~ paths_regex``, where that was made of a list of paths."""
        sides = halves(term, "=~")
        if not sides or self._asks(sides[0]) != "path" or len(sides[1]) != 1:
            return None
        pattern = names.get(sides[1][0].text)
        return ("prefix", list(pattern.paths)) if isinstance(pattern, Prefixes) else None

    def _start(self, term: Sequence[Token], names: Mapping[str, Value]) -> tuple[str, list[str]] | None:
        """``req.path.start_with?('/a', '/b')``."""
        if len(term) < 6 or self._asks(term[:3]) != "path" or not term[3].is_op(".") or term[4].text != "start_with?":
            return None
        arguments = term[5:]
        if not (arguments[0].is_op("(") and arguments[-1].is_op(")")):
            return None
        values = [
            evaluate(part[1:] if part and part[0].is_op("*") else part, names) for part in split(arguments[1:-1], ",")
        ]
        return "prefix", [_text(item) for value in values for item in (value if isinstance(value, list) else [value])]

    def _membership(self, term: Sequence[Token], names: Mapping[str, Value]) -> tuple[str, list[str]] | None:
        """``['/a', '/b'].include?(req.path)``."""
        at = next((n for n, token in enumerate(term) if token.is_name("include?")), 0)
        asked = term[at + 2 : -1]
        if at < 2 or not term[at - 1].is_op(".") or not (key := self._asks(asked)):
            return None
        items = evaluate(term[: at - 1], names)
        return (key, [_exact(key, item) for item in items]) if isinstance(items, list) else None

    def _asks(self, tokens: Sequence[Token]) -> str | None:
        """Which question about the request this is, if any."""
        tokens = _trimmed(tokens)
        if _calls(tokens, self.request, *_ADDRESS):
            return "network"
        if _calls(tokens, self.request, "request_method"):
            return "method"
        return "path" if _calls(tokens, self.request, "path") else None


_AND = Token("op", "&&", 0)


def _calls(tokens: Sequence[Token], receiver: str, *methods: str) -> bool:
    return len(tokens) == 3 and tokens[0].is_name(receiver) and tokens[1].is_op(".") and tokens[2].is_name(*methods)


def _trimmed(tokens: Sequence[Token]) -> Sequence[Token]:
    kept = [number for number, token in enumerate(tokens) if token.kind != "newline"]
    return tokens[kept[0] : kept[-1] + 1] if kept else []


def _without_parentheses(tokens: Sequence[Token]) -> Sequence[Token]:
    inner = _trimmed(tokens)
    while len(inner) > 2 and inner[0].is_op("(") and inner[-1].is_op(")") and _closes(inner) == len(inner) - 1:
        inner = _trimmed(inner[1:-1])
    return inner


def _closes(tokens: Sequence[Token]) -> int:
    """Where the parenthesis that opens the tokens is closed."""
    depth = 0
    for number, token in enumerate(tokens):
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0:
            return number
    return -1


def _exact(key: str, value: Value) -> str:
    text = _text(value)
    if key == "path" and ("*" in text or not text.startswith("/")):
        raise Unreadable("it compares with a path that Stockade would read as a pattern")
    return text


def _text(value: Value) -> str:
    if not isinstance(value, str) or "#{" in value:
        raise Unreadable("it compares with something that is not plain text")
    return str(value)
