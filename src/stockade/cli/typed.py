"""What is secret is typed unseen, or comes through a pipe; it is never an argument, which every process may read."""

from __future__ import annotations

import sys

import typer

from stockade.errors import ConfigurationError

LONGEST = 65_536


def secret(what: str) -> str:
    """One line, asked for twice in a terminal."""
    if sys.stdin.isatty():
        found: str = typer.prompt(what, hide_input=True, confirmation_prompt=True)
        return found
    return sys.stdin.readline(LONGEST).rstrip("\n")


def text(what: str) -> str:
    """All of standard input, such as a key or a program. Raises ConfigurationError when there is too much of it."""
    if sys.stdin.isatty():
        typer.echo(f"{what}, and Ctrl-D at its end:", err=True)
    found = sys.stdin.read(LONGEST + 1)
    if len(found) > LONGEST:
        raise ConfigurationError(f"That is too long for {what}.", remedy=f"At most {LONGEST} characters.")
    return found
