"""What can be wrong with a security.txt, said so that its author can mend it.

The codes are those of the established validators of this file, so that reports can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "recommendation", "notice"]

_SHOWN = 80  # characters of a foreign value that a message repeats


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: ``line`` counts from 1 and is None where the whole file is meant.

    An ``error`` breaks RFC 9116, a ``recommendation`` is a SHOULD of it, a ``notice`` is worth knowing.
    """

    line: int | None
    code: str
    severity: Severity
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.severity} {self.code}: {self.message} {self.remedy}"


def error(line: int | None, code: str, message: str, remedy: str) -> Problem:
    """Something that RFC 9116 forbids."""
    return Problem(line, code, "error", message, remedy)


def recommendation(line: int | None, code: str, message: str, remedy: str) -> Problem:
    """Something that RFC 9116 advises against."""
    return Problem(line, code, "recommendation", message, remedy)


def notice(line: int | None, code: str, message: str, remedy: str) -> Problem:
    """Something its author may want to know."""
    return Problem(line, code, "notice", message, remedy)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those of the problems that make the file invalid."""
    return [problem for problem in problems if problem.severity == "error"]


def quoted(value: str) -> str:
    """A foreign value as a message may show it: one line, escaped for terminals and pages, never long."""
    shown = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in f"‘{shown}’")
