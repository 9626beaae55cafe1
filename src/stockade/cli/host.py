"""A machine: look at it, save what it shows, and shut its network."""

from __future__ import annotations

import typer

host = typer.Typer(help="Look at a machine, save what it shows, and shut its network.", no_args_is_help=True)
