"""What can go wrong, by who can act on it.

::

    StockadeError
    ├── ConfigurationError   you wrote something Stockade cannot follow: change it
    ├── Refused              a policy said no: ask who owns the policy
    ├── Unavailable          something Stockade depends on is down or too slow: mend or wait
    └── Tampered             something that must not change has changed: stop and look

Every error says what happened, to what, and what to do about it.
"""

from __future__ import annotations


class StockadeError(Exception):
    """The root of every error that Stockade raises on purpose.

    ``remedy`` is one sentence for the person reading: what to do now. It may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ConfigurationError(StockadeError):
    """A setting, a rule or an argument is wrong; only its author can mend it."""


class Refused(StockadeError):
    """A policy forbids what was asked; nothing was changed."""


class Unavailable(StockadeError):
    """A store, an upstream or a program is down, missing or too slow."""


class Tampered(StockadeError):
    """Something that must not change has changed."""
