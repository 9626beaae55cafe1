"""The audit log, carried away: who carries it, how far each sink is, and whether a store can be trusted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Json

if TYPE_CHECKING:
    from stockade.audit.sinks.carrier import Carrier
    from stockade.audit.sinks.carrying import Standing
    from stockade.audit.sinks.settings import SinkSettings

Log = Annotated[Path, typer.Argument(metavar="LOG", help="The directory of the log.")]
State = Annotated[Path, typer.Argument(metavar="STATE", help="Where the carriers remember how far each sink is.")]


def ship(
    log: Log,
    state: State,
    *,
    sink: Annotated[
        list[str], typer.Option(metavar="URL", help="A sink: its URL, with its options after a question mark.")
    ],
    until_done: Annotated[
        bool,
        typer.Option("--until-done", help="Stop when every sink has all that is signed now; fail when one cannot."),
    ] = False,
    patience: Annotated[float, typer.Option(metavar="SECONDS", help="How long --until-done waits.")] = 60.0,
) -> None:
    """Carry the log to its sinks, each in its own time, until you stop it."""
    from stockade.audit.sinks.carrying import carried
    from stockade.audit.sinks.parcels import signed_size
    from stockade.config.secrets import resolve

    with carried(log, state, _settings(sink), resolve) as carriers:
        if until_done:
            _wait_for(carriers, signed_size(log), time.monotonic() + patience)
        else:
            _tell(carriers)


def sinks(log: Log, state: State, *, json: Json = False) -> None:
    """Show how far each sink is behind, since when, and why.

    Exit code 1 when one of them fails.
    """
    from stockade.audit.sinks.carrying import standings

    found = standings(log, state, time.time())
    if json:
        screen.say_json(found)
    else:
        _show(found)
    if any(standing.error for standing in found):
        raise typer.Exit(Exit.FOUND)


def _settings(written: Sequence[str]) -> list[SinkSettings]:
    from stockade.audit.sinks.settings import SinkSettings

    return [SinkSettings.parse(each) for each in written]


def _wait_for(carriers: Sequence[Carrier], size: int, end: float) -> None:
    """Wait until all have come so far; tell how each stands, and fail when one has not."""
    while time.monotonic() < end and any(carrier.position.next < size for carrier in carriers):
        time.sleep(0.05)
    for carrier in carriers:
        typer.echo(f"{carrier.name}: {_progress(carrier, size)}")
    if any(carrier.position.next < size for carrier in carriers):
        raise typer.Exit(Exit.UNAVAILABLE)


def _progress(carrier: Carrier, size: int) -> str:
    at = carrier.position
    remarks = [at.error, at.remark]
    return screen.joined(
        [f"{min(at.next, size)} of {screen.plural(size, 'entry', 'entries')}", *map(screen.safe, remarks)]
    )


def _tell(carriers: Sequence[Carrier]) -> None:
    """Say what changes: an error that comes, and one that goes."""
    said: dict[str, str] = {}
    typer.echo(f"carrying to {', '.join(carrier.name for carrier in carriers)}")
    while True:
        for carrier in carriers:
            error = carrier.position.error
            if error != said.get(carrier.name, ""):
                typer.echo(f"{carrier.name}: {screen.safe(error) or 'well again'}", err=True)
            said[carrier.name] = error
        time.sleep(0.5)


def _show(found: Sequence[Standing]) -> None:
    if not found:
        typer.echo("nothing has been carried anywhere yet: run `stockade audit ship`")
        return
    listed = screen.table("sink", "next", "behind", "lag", "last taken", "")
    now = time.time()
    for each in found:
        moved = screen.since(each.moved, now) if each.moved else "never"
        said = (
            screen.shown(each.error, "red")
            + screen.shown("\n" if each.error and each.remark else "")
            + screen.shown(each.remark, "yellow")
        )
        lag = screen.span(each.lag) if each.behind else "none"
        listed.add_row(screen.shown(each.name), str(each.next), str(each.behind), lag, moved, said)
    screen.say(listed)
