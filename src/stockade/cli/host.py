"""A machine: look at it, save what it shows, and shut its network."""

from __future__ import annotations

from typing import Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

host = typer.Typer(help="Look at a machine, save what it shows, and shut its network.", no_args_is_help=True)


@host.callback()
def _a_group() -> None: ...


@host.command()
def triage(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what takes a second or two: no file is compared.")
    ] = False,
    notes: Annotated[
        bool, typer.Option("--notes", help="Show every note as well: what is odd, and explained.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Look for traces of an intruder: the worst first, and what could not be seen.

    Nothing is changed on the machine. Exit code 1 when something was found.
    """
    from stockade.app.hosts import looked_at, recorded, this_machine
    from stockade.cli import triage as shown

    with shown.watched() as hear:
        report = looked_at(this_machine(thorough=not quick), hear)
    kept = recorded(stockade(config), report)
    if json:
        screen.say_json(shown.as_json(report, recorded=kept))
    else:
        shown.show(report, notes=notes, recorded=kept)
    if report.findings:
        raise typer.Exit(Exit.FOUND)
