"""What an import brought, and what it did not: nothing is lost silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stockade.gitlabrb import toml

_SHOWN = 100  # characters of a line that a report repeats


@dataclass(frozen=True, slots=True)
class Remark:
    """Lines ``line`` to ``last_line`` of the source, how they begin, and what is to be said of them.

    ``text`` never goes beyond the name of what is set: values may be secrets.
    """

    line: int
    text: str
    why: str
    last_line: int = 0

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}: {self.why}"


@dataclass(frozen=True, slots=True)
class Imported:
    """Stockade settings, and an account of every line that holds any code.

    ``untranslated`` is left for the reader to do by hand, ``assumed`` for the reader to confirm; ``unrelated`` are
    settings of other parts of GitLab, and ``translated`` says where each line went.
    """

    settings: Mapping[str, object]
    untranslated: Sequence[Remark] = field(default=())
    assumed: Sequence[Remark] = field(default=())
    unrelated: Sequence[Remark] = field(default=())
    translated: Sequence[Remark] = field(default=())

    def toml(self) -> str:
        """The settings as a configuration file, in whose comments stands what is left to do."""
        comments = [
            *_commented("Not translated, to be done by hand:", self.untranslated),
            *_commented("Assumed, to be confirmed:", self.assumed),
        ]
        return "\n".join([*comments, *([""] if comments else []), toml.dumps(self.settings)])


def _commented(title: str, remarks: Sequence[Remark]) -> list[str]:
    return [f"# {title}", *(f"#   {shown(str(remark), 300)}" for remark in remarks)] if remarks else []


def shown(text: str, limit: int = _SHOWN) -> str:
    """Foreign text as a report may show it: on one line, printable, bounded."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)
