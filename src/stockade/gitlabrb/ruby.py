"""Ruby text becomes tokens: as much of Ruby as configuration files use, and never an error.

What is not known becomes a token of kind ``other``; a literal that never ends takes the rest of the text with it, as it
would in Ruby.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "label", "string", "words", "symbol", "number", "regex", "op", "newline", "broken", "other"]

_BLANK = re.compile(r"[ \t\r\f\v]+|\\\r?\n|#[^\n]*")
_COMMENT_BLOCK = re.compile(r"=begin\b.*?^=end\b[^\n]*", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"\d[\d_]*(?:\.\d[\d_]*)?(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"(?:@@?|\$)?[^\W\d]\w*(?:[?!](?![=~]))?")
_SYMBOL = re.compile(r":([^\W\d]\w*[?!=]?)")
_HEREDOC = re.compile(r"<<[~-](['\"`]?)([^\W\d]\w*)\1")
_PERCENT = re.compile(r"%([wWiIqQrx]?)([^\w\s])")
_OPERATOR = re.compile(
    r"\*\*|\|\|=?|&&=?|<<|>>|<=>|===?|=~|!~|!=|<=|>=|=>|->|\+=|-=|&\.|::|\.{2,3}|[-+*/%=<>!&|^~?:.,()\[\]{}]"
)
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "e": "\x1b", "0": "\0"}
_BEFORE_A_VALUE = frozenset(
    {
        "if",
        "unless",
        "while",
        "until",
        "and",
        "or",
        "not",
        "return",
        "when",
        "then",
        "else",
        "elsif",
        "do",
        "in",
        "case",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of Ruby, where it stands, and for literals what it means (``#{…}`` in it stays as written)."""

    kind: Kind
    text: str
    line: int
    value: str = ""
    last_line: int = 0

    def is_op(self, *texts: str) -> bool:
        """Whether it is one of these operators."""
        return self.kind == "op" and self.text in texts

    def is_name(self, *texts: str) -> bool:
        """Whether it is one of these names or keywords."""
        return self.kind == "name" and self.text in texts


def tokens(text: str) -> list[Token]:
    """Every token of the text, without blanks and comments; never raises."""
    return list(_Scanner(text).scan())


def starts_value(before: Token | None) -> bool:
    """Whether after this token a value begins, so that ``/`` opens a pattern and ``if`` is no modifier."""
    if before is None or before.kind in {"newline", "label"}:
        return True
    if before.kind == "op":
        return before.text not in {")", "]", "}"}
    return before.kind == "name" and before.text in _BEFORE_A_VALUE


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.split("\n__END__\n", 1)[0]
        self.at = 0
        self.line = 1
        self.before: Token | None = None
        self.awaited: list[str] = []  # terminators of the here-documents that begin after this line

    def scan(self) -> Iterator[Token]:
        while self._skip_blanks():
            self.before = self._next()
            yield self.before

    def _skip_blanks(self) -> bool:
        """Go to the next token; False at the end."""
        while True:
            at_line_start = self.at == 0 or self.text[self.at - 1] == "\n"
            blank = _BLANK.match(self.text, self.at) or (at_line_start and _COMMENT_BLOCK.match(self.text, self.at))
            if not blank:
                return self.at < len(self.text)
            self._advance(blank.end())

    def _advance(self, end: int) -> str:
        taken = self.text[self.at : end]
        self.line += taken.count("\n")
        self.at = end
        return taken

    def _token(self, kind: Kind, end: int, value: str = "") -> Token:
        line = self.line
        return Token(kind, self._advance(end), line, value, self.line)

    def _next(self) -> Token:
        character = self.text[self.at]
        if character in "\n;":
            return self._newline()
        if character in "'\"`":
            return self._literal("string", self.at + 1, character, character, interpolates=character != "'")
        return self._special() or self._plain()

    def _newline(self) -> Token:
        token = self._token("newline", self.at + 1)
        if token.text == "\n":
            for terminator in self.awaited:
                end = re.compile(rf"^[ \t]*{re.escape(terminator)}[ \t]*\r?$", re.MULTILINE).search(self.text, self.at)
                self._advance(end.end() if end else len(self.text))
            self.awaited.clear()
        return token

    def _special(self) -> Token | None:
        """What begins a literal only where a value is expected."""
        if heredoc := _HEREDOC.match(self.text, self.at):
            self.awaited.append(heredoc[2])
            return self._token("other", heredoc.end())
        if self.text.startswith(':"', self.at) and not self._closes_a_key():
            return self._literal("symbol", self.at + 2, '"', '"', interpolates=True)
        if self.text[self.at] not in "/%" or not starts_value(self.before):
            return None
        if self.text[self.at] == "/":
            return self._literal("regex", self.at + 1, "/", "/", interpolates=True)
        return self._percent()

    def _percent(self) -> Token | None:
        match = _PERCENT.match(self.text, self.at)
        if not match:
            return None
        kind: Kind = "words" if match[1] in {"w", "W", "i", "I"} else "regex" if match[1] == "r" else "string"
        close = _CLOSING.get(match[2], match[2])
        return self._literal(kind, match.end(), match[2], close, interpolates=match[1] not in {"w", "i", "q"})

    def _literal(self, kind: Kind, start: int, opening: str, closing: str, *, interpolates: bool) -> Token:
        end = _end_of_literal(self.text, start, opening, closing, interpolates=interpolates)
        if end is None:
            return self._token("broken", len(self.text))
        value = self.text[start:end]
        if kind in {"string", "symbol"}:
            value = _unescape(value, double=interpolates)
        return self._token(kind, end + 1, value)

    def _plain(self) -> Token:
        if number := _NUMBER.match(self.text, self.at):
            return self._token("number", number.end(), number[0].replace("_", ""))
        if (symbol := _SYMBOL.match(self.text, self.at)) and not self._closes_a_key():
            return self._token("symbol", symbol.end(), symbol[1])
        if name := _NAME.match(self.text, self.at):
            return self._name(name)
        if operator := _OPERATOR.match(self.text, self.at):
            return self._token("op", operator.end())
        return self._token("other", self.at + 1)

    def _closes_a_key(self) -> bool:
        """Whether the colon here belongs to ``"key": value``."""
        return self.before is not None and self.before.kind == "string" and self.text[self.at - 1] in "'\""

    def _name(self, name: re.Match[str]) -> Token:
        end = name.end()
        is_label = self.text.startswith(":", end) and not self.text.startswith("::", end)
        if is_label and not (self.before and self.before.is_op("?")):
            return self._token("label", end + 1, name[0])
        return self._token("name", end)


def _end_of_literal(text: str, at: int, opening: str, closing: str, *, interpolates: bool) -> int | None:
    """Where the closing mark stands; within ``#{…}`` braces and further strings nest."""
    stack = [(opening, closing, interpolates)]
    while at < len(text):
        opens, closes, interpolating = stack[-1]
        character = text[at]
        in_code = opens == "#{"
        if character == "\\" and not in_code:
            at += 1
        elif character == closes:
            stack.pop()
            if not stack:
                return at
        elif interpolating and text.startswith("#{", at):
            stack.append(("#{", "}", False))
            at += 1
        elif in_code and character == "{":
            stack.append(("#{", "}", False))
        elif in_code and character in "'\"":
            stack.append((character, character, character == '"'))
        elif not in_code and character == opens and opens != closes:
            stack.append((opens, closes, interpolating))
        at += 1
    return None


def _unescape(text: str, *, double: bool) -> str:
    if double:
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)
    return re.sub(r"\\([\\'])", r"\1", text)
