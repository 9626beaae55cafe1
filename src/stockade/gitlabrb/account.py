"""The account kept while translating: which lines went where, and what the settings are so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from stockade.gitlabrb.report import Imported, Remark, shown
from stockade.gitlabrb.ruby import Token
from stockade.gitlabrb.statements import Statement
from stockade.gitlabrb.values import Value

Fate = Literal["translated", "untranslated", "assumed", "unrelated"]

_LITERALS = frozenset({"string", "words", "symbol", "regex"})
_NAMED_RULES = ("throttle", "track", "safelist", "blocklist", "whitelist", "blacklist")
_ENDS_HEAD = ("=", "+=", "<<", "do", "{", "=>", "||=")


@dataclass(slots=True)
class Account:
    """Settings under way, the names bound so far, and a remark for every statement passed."""

    settings: dict[str, Value] = field(default_factory=dict)
    gitlab: dict[str, Value] = field(default_factory=dict)
    names: dict[str, Value] = field(default_factory=dict)
    remarks: dict[Fate, list[Remark]] = field(default_factory=dict)
    set_on: dict[str, int] = field(default_factory=dict)
    rules: dict[str, tuple[str, int]] = field(default_factory=dict)  # name: kind and line

    def note(self, fate: Fate, statement: Statement, why: str) -> None:
        """Say what became of a statement, or of a part of it."""
        remark = Remark(statement.first, head(statement.tokens), why, statement.last)
        self.remarks.setdefault(fate, []).append(remark)

    def note_line(self, fate: Fate, line: int, text: str, why: str) -> None:
        """Say what became of one line within a statement."""
        self.remarks.setdefault(fate, []).append(Remark(line, shown(text), why, line))

    def set(self, key: str, value: Value, statement: Statement) -> None:
        """Set one setting of the GitLab preset; as in Ruby, the last one counts."""
        if key in self.set_on:
            self.note_line("assumed", self.set_on[key], key, f"set again on line {statement.first}, which counts")
        self.set_on[key] = statement.first
        self.gitlab[key] = value
        self.note("translated", statement, f"gitlab.{key}")

    def add_rule(self, kind: str, rule: dict[str, Value], statement: Statement) -> None:
        """Append a rule of its own; as in Rack::Attack, the last of two namesakes of one kind counts."""
        name = str(rule["name"])
        if self.rules.get(name, (kind, 0))[0] != kind:
            rule["name"] = name = f"{name} ({kind})"
        rules = self.settings.setdefault(kind, [])
        assert isinstance(rules, list)  # noqa: S101 - nothing else is put there
        if name in self.rules:
            rules[:] = [other for other in rules if other["name"] != name]
            self.note_line("assumed", self.rules[name][1], name, f"replaced by line {statement.first}, its namesake")
        self.rules[name] = (kind, statement.first)
        rules.append(rule)
        self.note("translated", statement, kind)

    def result(self, *, is_gitlab: bool) -> Imported:
        """The finished import; the preset is named where the source was GitLab's."""
        settings: dict[str, object] = {"preset": "gitlab"} if is_gitlab or self.gitlab else {}
        settings |= self.settings
        if self.gitlab:
            settings["gitlab"] = self.gitlab
        ordered: dict[Fate, list[Remark]] = {
            fate: sorted(remarks, key=lambda remark: remark.line) for fate, remarks in self.remarks.items()
        }
        return Imported(settings, **ordered)


def head(tokens: Sequence[Token]) -> str:
    """How a statement begins, up to the value it gives, without other literals than names: values may be secrets."""
    taken: list[str] = []
    for number, token in enumerate(tokens[:40]):
        if token.kind in {"newline", "broken"} or token.is_op(*_ENDS_HEAD) or token.is_name("do"):
            break
        taken.append(token.text if token.kind not in _LITERALS or _names(tokens[:number]) else "…")
    return shown(_spaced(taken))


def _names(before: Sequence[Token]) -> bool:
    """Whether the literal after these tokens names a setting (``a['b']``) or a rule (``throttle('b'``)."""
    if before and before[-1].is_op("("):
        before = before[:-1]
    elif len(before) > 1 and before[-1].is_op("["):
        return before[-2].kind == "name" or before[-2].is_op("]")
    return bool(before) and before[-1].is_name(*_NAMED_RULES)


def _spaced(words: Sequence[str]) -> str:
    text = ""
    for word in words:
        apart = text and (text[-1] in ":,|" or (text[-1].isalnum() and word[0] not in "[(.?!:,)]"))
        text += f" {word}" if apart and not text.endswith("::") else word
    return text
