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
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def stockade(config: Path | None) -> Stockade:
    """All the verbs, under the configuration that a command was given."""
    from stockade.app import Stockade
    from stockade.config import load

    return Stockade(load(config), say=_aside)


def _aside(text: str) -> None:
    """Not the answer, so not where the answer goes."""
    from stockade.cli.screen import safe

    typer.echo(safe(text), err=True)
