"""Other systems' logs, taken into the audit log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.app.taking_in import Intake
    from stockade.events import Event
    from stockade.intake.handover import Journal
    from stockade.intake.settings import Source

intake = typer.Typer(help="Take other systems' logs into the audit log.", no_args_is_help=True)

Sources = Annotated[Path, typer.Argument(metavar="SOURCES", help="A TOML file with [[intake]] tables.")]
Log = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The directory of an audit log of its own; else the configuration's.")
]
State = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the signer of that log keeps its keys.")]
Ledger = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What was handed on; intake.sqlite in the state directory unless told."),
]
SHOWN = 20


@intake.command()
def run(
    sources: Sources, *, log: Log = None, state: State = None, ledger: Ledger = None, config: Config = None
) -> None:
    """Take in all that comes, until ended: files as they grow, what is sent here, and what can be asked for.

    It may die at any moment: what it has taken in is in the log once, and it goes on where it stopped.
    """
    import asyncio
    import signal

    async def working(ready: Intake) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await ready.run(stop)

    with _ready(sources, _Where(log, state, config), ledger) as ready:
        _say(f"taking in from {', '.join(source.name for source in ready.settings.sources)}")
        asyncio.run(working(ready))


@intake.command()
def once(
    sources: Sources,
    *,
    log: Log = None,
    state: State = None,
    ledger: Ledger = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take in what is there now, from files and by asking, and end."""
    with _ready(sources, _Where(log, state, config), ledger) as ready:
        found = ready.once()
    if json:
        return screen.say_json(found)
    for name, count in found.items():
        typer.echo(f"{name}: {count}")
    return None


@intake.command()
def formats(*, json: Json = False) -> None:
    """List the formats that can be read, and how many names of theirs have a word here."""
    from stockade.intake.formats import FORMATS
    from stockade.intake.tables import table

    rows = [
        {
            "name": each.name,
            "reads": each.title,
            "names": sum(len(row.names) for t in each.tables for row in table(t).rows),
        }
        for each in FORMATS.values()
    ]
    rows.append({"name": "json", "reads": "any JSON lines, by a mapping file", "names": 0})
    if json:
        return screen.say_json(rows)
    listed = screen.table("format", "names", "reads")
    for row in rows:
        listed.add_row(str(row["name"]), str(row["names"] or "–"), str(row["reads"]))
    return screen.say(listed)


@intake.command("test")
def try_out(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A log, or - for standard input.")],
    *,
    format: Annotated[str, typer.Option(metavar="NAME", help="One of stockade intake formats.")],
    mapping: Annotated[Path | None, typer.Option(metavar="FILE", help="The mapping for the format json.")] = None,
    lines: Annotated[int, typer.Option(min=1, max=1_000_000, help="Lines that are read at most.")] = 1_000,
    json: Json = False,
) -> None:
    """Show what the lines of a log would become, and record nothing.

    Exit code 1 when lines could not be read.
    """
    from stockade.app.taking_in import new_reader
    from stockade.intake.arrivals import arrivals
    from stockade.intake.settings import FileSource

    read = new_reader(FileSource(name="test", path=file, format=format, mapping=mapping))
    events = [
        each.event
        for number, octets in enumerate(islice(_lines(file), lines))
        for each in arrivals(read, octets, id=str(number), now=time.time())
    ]
    unreadable = [event for event in events if event.details.get("type") == "unreadable"]
    if json:
        screen.say_json([_as_json(event) for event in events])
    else:
        _show(events, unreadable)
    if unreadable:
        raise typer.Exit(1)


def _show(events: list[Event], unreadable: list[Event]) -> None:
    counts: dict[tuple[str, str], int] = {}
    for event in events:
        counts[event.action, event.outcome] = counts.get((event.action, event.outcome), 0) + 1
    listed = screen.table("time", "action", "outcome", "who", "to what", "from", "in their words")
    for event in events[:SHOWN]:
        cells = (event.action, event.outcome, event.actor or "–", event.target or "–", event.source or "–")
        name = event.details.get("reason" if event in unreadable else "type", "")
        listed.add_row(_stamp(event.time), *(screen.shown(cell) for cell in cells), screen.shown(name))
    screen.say(listed)
    if len(events) > SHOWN:
        screen.say(screen.shown(f"… and {len(events) - SHOWN:,} more; --json shows all", "dim"))
    summary = screen.pairs(
        (f"{action}, {outcome}", f"{count:,}") for (action, outcome), count in sorted(counts.items())
    )
    screen.say("", summary)
    if unreadable:
        screen.say("", screen.shown(f"{len(unreadable):,} could not be read; they are kept as unknown", "yellow"))


def _as_json(event: Event) -> dict[str, Any]:
    return {
        "time": _stamp(event.time),
        "action": event.action,
        "actor": str(event.actor) if event.actor else None,
        "target": str(event.target) if event.target else None,
        "source": event.source,
        "outcome": event.outcome,
        "details": dict(event.details),
    }


def _stamp(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _lines(file: Path) -> Iterator[bytes]:
    if str(file) == "-":
        yield from sys.stdin.buffer
        return
    try:
        with file.open("rb") as opened:
            yield from opened
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error


def _say(text: str) -> None:
    """For the operator, on standard error, safe from whatever a file name or a sender may hold."""
    typer.echo(f"stockade: {screen.safe(text)}", err=True)


@dataclass(frozen=True)
class _Where:
    """The log that events go into: one named by its directories, or that of a configuration."""

    log: Path | None
    state: Path | None
    config: Path | None

    @contextmanager
    def open(self) -> Iterator[tuple[Journal, Path]]:
        """The way into it, and the directory in which to remember what was handed on."""
        from stockade.app.taking_in import IntoAuditLog, into
        from stockade.audit.log import AuditLog
        from stockade.config import load
        from stockade.config.state import state_of

        if (self.log is None) != (self.state is None):
            raise ConfigurationError("--log and --state belong together", remedy="Give both, or neither.")
        if self.log is not None and self.state is not None:
            with AuditLog(self.log, self.state) as opened:
                yield IntoAuditLog(opened), self.state
            return
        settings = load(self.config)
        with into(settings, lambda key: _say(f"a new audit log was made; keep {key} elsewhere")) as journal:
            yield journal, state_of(settings)


@contextmanager
def _ready(sources: Path, where: _Where, ledger: Path | None) -> Iterator[Intake]:
    from stockade.app.taking_in import Intake
    from stockade.intake.settings import IntakeSettings

    found = _sources(sources)
    with where.open() as (journal, state):
        settings = IntakeSettings(sources=found, ledger=ledger or state / "intake.sqlite")
        ready = Intake(settings, journal, say=_say)
        try:
            yield ready
        finally:
            ready.close()


def _sources(file: Path) -> tuple[Source, ...]:
    import tomllib

    from stockade.intake.settings import sources_of

    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"{file} cannot be read: {said}", remedy="Name a TOML file with [[intake]]."
        ) from error
    tables = document.get("intake", [])
    if not isinstance(tables, list) or not tables:
        raise ConfigurationError(f"{file} has no [[intake]] tables", remedy="Write one for each source.")
    return sources_of(tables, where=str(file))
