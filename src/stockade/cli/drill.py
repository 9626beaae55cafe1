"""Drills: a compromise to practise on, and how well it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.respond.scoring import Score

drill = typer.Typer(
    help="Practise: a compromise is planted in a copy; find it, contain it, see your score.", no_args_is_help=True
)

Place = Annotated[Path, typer.Argument(metavar="PLACE", help="The directory of the drill.")]


@drill.command("account")
def account(
    place: Place = Path("drill"),
    *,
    organisation: Annotated[
        bool, typer.Option("--organisation", help="In a made-up organisation instead of a copy of your directory.")
    ] = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="The same number makes the same story.")] = None,
    config: Config = None,
) -> None:
    """Steal somebody's account, in a copy of your directory. You do not know whose.

    The copy has no secret of yours: no password, token or variable of the original opens anything in it.
    """
    from stockade.app.respond.drills import prepare

    made = prepare(place, None if organisation else stockade(config), seed=seed)
    within = f"STOCKADE_CONFIG={made.place / 'stockade.toml'}"
    screen.say(
        screen.shown("03:12. A customer asks why a project's builds talk to a host that they do not know.", "bold"),
        "",
        f"Somebody's account was taken within the last six hours; one of {made.accounts:,}. What was left behind",
        f"has {made.planted} parts. The clock is running since now.",
        "",
        screen.hints(
            ("first", f"export {within}"),
            ("who behaved strangely", "stockade review --instance --since 6h"),
            ("then", "stockade incident open USER; stockade plan account USER"),
            ("at the end", f"stockade drill score {made.place}"),
        ),
    )


@drill.command("instance")
def instance(
    place: Place = Path("drill"),
    *,
    run: Annotated[str, typer.Option(metavar="COMMAND", help="Run this on the stage instead of a shell.")] = "",
) -> None:
    """Break into a machine: this one, on a stage of its own, with traces of an intruder that do no harm.

    Files are changed in layers in memory, processes and the network are the stage's own; nothing is left when you leave
    it. Only root can set a stage.
    """
    from stockade.app.respond.machine_drill import play, prepare

    prepare(place)
    screen.say(
        screen.shown("03:12. A machine sends what it should not, to somebody whom nobody knows.", "bold"),
        "",
        "You are root on it, and so is somebody else. Look, save, shut, and plan the way back. The clock is running.",
        "",
        screen.hints(
            ("look", "stockade host triage"),
            ("save the evidence", f"stockade host collect --to {place.resolve() / 'evidence'}"),
            ("shut its network", "stockade host isolate"),
            ("plan", "stockade plan instance"),
            ("at the end", f"exit; stockade drill score {place}"),
        ),
    )
    shell = ["/bin/sh", "-c", run] if run else ["/bin/bash", "--norc", "-i"]
    raise typer.Exit(play(place, shell))


@drill.command("score")
def score(place: Place = Path("drill"), *, json: Json = False) -> None:
    """How well it went so far. Exit code 1 when something was missed or wrong."""
    from stockade.app.respond import drills, machine_drill

    machine = machine_drill.is_here(place)
    found = machine_drill.scored(place) if machine else drills.scored(place)
    if json:
        screen.say_json(found)
    else:
        _show(found, machine=machine)
    if found.missed or found.wrong or found.contained is None:
        raise typer.Exit(Exit.FOUND)


def _show(found: Score, *, machine: bool) -> None:
    shut = "never" if found.contained is None else f"after {screen.span(found.contained)}"
    screen.say(
        screen.shown(f"{found.points} of 100 points", "bold green" if found.points >= 90 else "bold yellow"),
        screen.pairs(
            [
                ("shut", screen.shown(shut, "" if found.contained is not None else "bold red")),
                ("found", screen.shown(f"{len(found.found)} of {len(found.found) + len(found.missed)}")),
            ]
        ),
    )
    for each in found.missed:
        screen.say(screen.shown("  missed  ", "red") + screen.shown(f"{each.what}, {each.ref}"))
    for wrong in found.wrong:
        screen.say(
            screen.shown("  wrong   ", "red") + screen.shown(wrong.text) + screen.shown(f"  {wrong.entry}", "dim")
        )
    if found.contained is None:
        first = ("its network", "stockade host isolate") if machine else ("the account", "stockade lock USER --for 2h")
        screen.say(screen.hints((f"shut {first[0]} first", first[1])))
