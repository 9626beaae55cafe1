"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stockade.app import Stockade

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="The configuration; $STOCKADE_CONFIG or ./stockade.toml unless told."
    ),
]
Log = Annotated[
    Path | None,
    typer.Argument(metavar="LOG", show_default=False, help="The directory of the log; the configuration's, if none."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


def stockade(config: Path | None) -> Stockade:
    """All the verbs, under the configuration that a command was given."""
    from stockade.app import Stockade
    from stockade.config import load

    return Stockade(load(config), say=_aside)


def log_of(log: Path | None, config: Path | None) -> Path:
    """The directory of the log that was named, else of the configuration's."""
    return log if log is not None else stockade(config).settings.audit_log()


def note_reading(log: Path | None, config: Path | None, what: str) -> None:
    """Have it on record that somebody reads the configuration's log; other logs are not ours to write into."""
    if log is None:
        stockade(config).note_reading({"with": what})


def _aside(text: str) -> None:
    """Not the answer, so not where the answer goes."""
    from stockade.cli.screen import safe

    typer.echo(safe(text), err=True)
