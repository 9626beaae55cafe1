"""Evidence: taken from a machine to where it cannot be changed, checked, and listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.app.host.evidence import Collected

evidence = typer.Typer(help="Check evidence that was saved, and see what is in it.", no_args_is_help=True)
Where = Annotated[str, typer.Argument(metavar="PLACE", help="A collection: its folder, or s3://BUCKET/PREFIX/NAME?…")]
Head = Annotated[str, typer.Option(metavar="PHRASE", help="The six groups of letters that were written down.")]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="SINK",
        help="A folder, best on another machine's disk; s3://BUCKET/PREFIX?…; or a sink of the configuration.",
    ),
]


def collect(
    *,
    to: To = "",
    artifact: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this artifact, or all of a turn, such as processes.")
    ] = None,
    uac: Annotated[
        list[Path] | None,
        typer.Option("--artifacts", metavar="FILE", help="Artifacts of your own: TOML, or YAML written for UAC."),
    ] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Take secrets too: environments, hashes of passwords, private keys.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the collection of this machine that was interrupted.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show what would be taken, and take nothing.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Save the evidence of this machine, the most fleeting first, to where it cannot be changed.

    Everything goes to SINK as it is taken; this machine's disk is not written to. At the end, write the head down.
    """
    from stockade.app.host.evidence import collected, known_artifacts, resumed
    from stockade.cli import collecting
    from stockade.errors import ConfigurationError

    artifacts = known_artifacts(uac or (), artifact or ())
    if list_:
        collecting.show_artifacts(artifacts, json=json)
        return
    if not to:
        raise ConfigurationError("nothing says where to", remedy="--to FOLDER, or --to s3://BUCKET/PREFIX?…")
    asked = stockade(config)
    with collecting.watched() as tell:
        if resume:
            found = resumed(asked, to, artifacts if uac or artifact else known_artifacts((), ()), tell)
        else:
            found = collected(asked, to, artifacts, tell, secrets=secrets)
    _say(found, to, json=json)


@evidence.command()
def verify(place: Where, *, head: Head = "", config: Config = None, json: Json = False) -> None:
    """Check every octet of a collection: nothing missing, nothing added, nothing claimed that is not there.

    Needs nothing but the collection, and the head from your paper to know that it is the one that was taken. Exit code
    5 when something was changed: the message names it. Exit code 1 when it was never sealed.
    """
    from stockade.app.host.evidence import checked
    from stockade.cli import collecting

    report = checked(stockade(config), place, head)
    if json:
        screen.say_json({**collecting.plain(report), "phrase": report.phrase if report.sealed else None})
    else:
        collecting.show_report(report, given=bool(head))
    if not report.sealed:
        raise typer.Exit(Exit.FOUND)


@evidence.command("list")
def list_(
    place: Where,
    *,
    missing: Annotated[bool, typer.Option("--missing", help="Only what was not taken, or not whole, and why.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what is in a collection, or which collections a place holds. Nothing is checked; verify does that."""
    from stockade.app.host.evidence import collections, items_of
    from stockade.cli import collecting

    found = collections(stockade(config), place)
    if len(found) == 1:
        lines = list(items_of(found[0][1], missing=missing))
        collecting.show_items(lines, json=json)
    else:
        collecting.show_collections(found, json=json)


@evidence.command()
def extract(
    place: Where,
    into: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    *,
    head: Head = "",
    config: Config = None,
) -> None:
    """Check a collection, and write its items into a folder: each by its number, and what it is in items.jsonl.

    Names from the suspect machine never become names of files here.
    """
    from stockade.app.host.evidence import taken_out
    from stockade.cli import collecting

    report = taken_out(stockade(config), place, head, into)
    collecting.show_report(report, given=bool(head))
    screen.say(screen.shown(f"items are in {into} by their numbers, and what each is in {into}/items.jsonl"))


def _say(found: Collected, to: str, *, json: bool) -> None:
    from stockade.cli import collecting

    if json:
        sealed = found.sealed
        screen.say_json({**collecting.plain(sealed), "phrase": sealed.phrase, "unrecorded": found.unrecorded})
    else:
        collecting.show_sealed(found, to)
