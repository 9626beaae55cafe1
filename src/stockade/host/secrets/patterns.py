"""The patterns of what says by its form that it is a secret: ours, as data, and those of detect-secrets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any, Final

from stockade.events import Secret
from stockade.host.secrets.found import Candidate

SHORTEST: Final = 8
"""Characters of a group that is a secret by itself; a shorter one is a part of it, such as a prefix."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a kind of secret: what somebody can read with it, how it is changed, and what that costs."""

    opens: str = ""
    change: str = ""
    breaks: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """One form. It is looked for only in texts that have one of ``hints`` in them, in small letters."""

    kind: str
    hints: tuple[str, ...]
    about: About
    pattern: str = ""
    plugin: str = ""
    patterns: tuple[re.Pattern[str], ...] = field(default=(), compare=False)

    def found(self, text: str, lower: str) -> Iterator[Candidate]:
        """What of a text has this form; ``lower`` is the text in small letters."""
        if any(hint in lower for hint in self.hints):
            for pattern in self.patterns or _compiled(self):
                for match in pattern.finditer(text):
                    start, end = _secret(match)
                    yield Candidate(self.kind, Secret(text[start:end]), start)


def formats() -> Sequence[Format]:
    """All forms, in the order in which they count."""
    return _read()


@cache
def _read() -> tuple[Format, ...]:
    told = tomllib.loads(files(__package__).joinpath("formats.toml").read_text("utf-8"))["format"]
    return tuple(
        Format(each["kind"], tuple(each["hints"]), about(each), each.get("pattern", ""), each.get("plugin", ""))
        for each in told
    )


def about(told: Mapping[str, Any]) -> About:
    """What a table of the data says of a kind."""
    return About(*(str(told.get(name, "")) for name in ("opens", "change", "breaks", "lost")))


@cache
def _compiled(form: Format) -> tuple[re.Pattern[str], ...]:
    if form.pattern:
        return (re.compile(form.pattern),)
    module, _, name = form.plugin.partition(".")
    detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    return tuple(detector().denylist)


def _secret(match: re.Match[str]) -> tuple[int, int]:
    """Where in a match the secret is: the group that says so, else the longest that is long enough, else all of it."""
    if "secret" in match.re.groupindex:
        return match.span("secret")
    spans = [match.span(number) for number in range(1, match.re.groups + 1) if match[number]]
    longest = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    return longest if longest[1] - longest[0] >= SHORTEST else match.span()
