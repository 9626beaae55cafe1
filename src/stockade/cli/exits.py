"""What the exit code of a command says, so that scripts can tell."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from stockade.errors import Refused, StockadeError, Tampered, Unavailable


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    TAMPERED = 5
    INTERRUPTED = 130


MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "done, and nothing is wrong",
    Exit.FOUND: "done, and problems were found",
    Exit.USAGE: "the command, the configuration or an argument is wrong; only its author can mend it",
    Exit.REFUSED: "a policy said no; nothing was changed",
    Exit.UNAVAILABLE: "a store, a database, an upstream or a program is away or too slow; mend it or try again",
    Exit.TAMPERED: "something that must not change has changed",
    Exit.INTERRUPTED: "ended from the keyboard",
}


def exit_of(error: StockadeError) -> Exit:
    """The exit code that an error means."""
    match error:
        case Refused():
            return Exit.REFUSED
        case Unavailable():
            return Exit.UNAVAILABLE
        case Tampered():
            return Exit.TAMPERED
        case _:
            return Exit.USAGE
