"""A machine: look at it, save what it shows, and shut its network."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.host.triage.report import Report

Hosts = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="Look at this machine over SSH instead; may be given more than once."),
]
Ssh = Annotated[str, typer.Option("--ssh", metavar="COMMAND", help="How ssh is called, with its options.")]
Sudo = Annotated[bool, typer.Option("--sudo", help="Look as root there, by sudo without a password.")]
Quick = Annotated[bool, typer.Option("--quick", help="Only what takes a second or two: few files are read.")]
Notes = Annotated[bool, typer.Option("--notes", help="Show every note as well: what is odd, and explained.")]
Patience = Annotated[float, typer.Option("--patience", metavar="SECONDS", help="How long a machine may take.")]

host = typer.Typer(help="Look at a machine, save what it shows, and shut its network.", no_args_is_help=True)


@host.callback()
def _a_group() -> None: ...


@host.command()
def triage(
    *,
    hosts: Hosts = None,
    ssh: Ssh = "ssh",
    sudo: Sudo = False,
    patience: Patience = 180.0,
    quick: Quick = False,
    notes: Notes = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Look for traces of an intruder: the worst first, and what could not be seen.

    Nothing is changed on the machine, and nothing written. Exit code 1 when something was found, 4 when a machine could
    not be reached.
    """
    from stockade.app.host import afar
    from stockade.app.host import hosts as here
    from stockade.app.host.pictures import known
    from stockade.cli import triage as shown

    if hosts:
        asked = afar.Asked(shlex.split(ssh), sudo, not quick, patience)
        with shown.watched(hosts) as hear:
            reports = afar.looked_at(hosts, asked, hear, partial(known, stockade(config)))
    else:
        machine = here.this_machine(thorough=not quick)
        with shown.watched([machine.name]) as hear:
            reports = [here.looked_at(stockade(config), machine, partial(hear, machine.name))]
    kept = here.recorded(stockade(config), reports)
    if json:
        said = [shown.as_json(report, recorded=kept) for report in reports]
        screen.say_json(said if hosts else said[0])
    else:
        shown.show_all(reports, notes=notes, recorded=kept)
    _end(reports)


def _end(reports: Sequence[Report]) -> None:
    if any(report.findings for report in reports):
        raise typer.Exit(Exit.FOUND)
    if not all(report.reached for report in reports):
        raise typer.Exit(Exit.UNAVAILABLE)
