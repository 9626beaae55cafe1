"""The audit log, carried away: who carries it, how far each sink is, and whether a store can be trusted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, Log, stockade
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.audit.sinks.carrier import Carrier
    from stockade.audit.sinks.carrying import Standing
    from stockade.audit.sinks.probing import Check
    from stockade.audit.sinks.settings import SinkSettings

State = Annotated[
    Path | None,
    typer.Argument(
        metavar="STATE",
        show_default=False,
        help="Where the carriers remember how far each sink is; where the server's do, or beside LOG, if none.",
    ),
]


def ship(
    log: Log = None,
    state: State = None,
    *,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="A sink: its URL, with its options after a question mark; the configuration's, if none."
        ),
    ] = None,
    until_done: Annotated[
        bool,
        typer.Option("--until-done", help="Stop when every sink has all that is signed now; fail when one cannot."),
    ] = False,
    patience: Annotated[float, typer.Option(metavar="SECONDS", help="How long --until-done waits.")] = 60.0,
    config: Config = None,
) -> None:
    """Carry the log to its sinks, each in its own time, until you stop it.

    `stockade serve` does so by itself, to the sinks in its configuration.
    """
    from stockade.audit.sinks.carrying import carried
    from stockade.audit.sinks.parcels import signed_size
    from stockade.config.secrets import resolve

    path, place = _places(log, state, config)
    with carried(path, place, _settings(sink or ()) or _configured(config), resolve) as carriers:
        if until_done:
            _wait_for(carriers, signed_size(path), time.monotonic() + patience)
        else:
            _tell(carriers)


def sinks(log: Log = None, state: State = None, *, config: Config = None, json: Json = False) -> None:
    """Show how far each sink is behind, since when, and why.

    Exit code 1 when one of them fails.
    """
    from stockade.audit.sinks.carrying import standings

    found = standings(*_places(log, state, config), time.time())
    if json:
        screen.say_json(found)
    else:
        _show(found)
    if any(standing.error for standing in found):
        raise typer.Exit(Exit.FOUND)


def probe(
    sink: Annotated[
        str,
        typer.Argument(metavar="SINK", help="The sink: its URL, with its options, or its name in the configuration."),
    ],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Prove on the real store that it refuses: delete, overwrite, shorten, downgrade, bypass, and more.

    Use the key of the bucket's owner, the most powerful there is: that somebody without rights is refused proves
    nothing. What is put there is small, and locked for ten minutes. Exit code 1 unless everything held.
    """
    from stockade.audit.sinks.probing import Verdict

    found = []
    for check in _checks(sink, config):
        found.append(check)
        if not json:
            _say_check(check)
    if json:
        screen.say_json(found)
    broken = [check for check in found if check.verdict != Verdict.HELD]
    if not json:
        typer.echo(f"{len(found) - len(broken)} of {screen.plural(len(found), 'check')} held: {_judged(broken)}")
    if broken:
        raise typer.Exit(Exit.FOUND)


def policy(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket.")],
    *,
    writer: Annotated[str, typer.Option(metavar="WHO", help="Who carries the log: an ARN, or a name as Ceph has it.")],
    reader: Annotated[str, typer.Option(metavar="WHO", help="Who reads back and compares.")] = "",
    owner: Annotated[
        str, typer.Option(metavar="WHO", help="Who owns the bucket, and shall read what others put.")
    ] = "",
) -> None:
    """Print the policy of a bucket whose writer can do nothing but put objects."""
    import json

    from stockade.audit.sinks.policy import bucket_policy

    typer.echo(json.dumps(bucket_policy(bucket, writer=writer, reader=reader, owner=owner), indent=2))


def recheck(
    state: State = None,
    *,
    sink: Annotated[
        str, typer.Option(metavar="URL", help="The S3 sink, with its reader; or its name in the configuration.")
    ],
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Make a log of it there, ready to be verified.")
    ] = None,
    config: Config = None,
) -> None:
    """Read everything back that was ever stored, by its receipts, and compare its octets and its lock.

    Exit code 5 when something is gone, changed or no longer locked.
    """
    from stockade.app.attending import carriers_state
    from stockade.audit.sinks.objectlock import check_stored
    from stockade.audit.sinks.opening import Wanted, s3_of, vault_of
    from stockade.audit.sinks.receipts import Receipts
    from stockade.audit.sinks.restoring import Restored
    from stockade.config.secrets import resolve

    settings = _sink_of(sink, config)
    place = state or carriers_state(stockade(config).settings)
    reader = s3_of(Wanted(settings, place, place, resolve), settings.reader_key, settings.reader_secret)
    (bucket, prefix), count = vault_of(settings), 0
    restored = Restored(into, prefix) if into else None
    for receipt in Receipts(place, settings.called):
        octets = check_stored(reader, bucket, receipt)
        count += 1
        if restored:
            restored.put(receipt.key, octets)
    typer.echo(f"{bucket} holds {screen.plural(count, 'object')} as they were stored, each under its lock")


def _checks(sink: str, config: Path | None) -> Iterator[Check]:
    """The checks that a kind of sink has."""
    from urllib.parse import urlsplit

    from stockade.audit.sinks.appended import path_of
    from stockade.audit.sinks.opening import Wanted, s3_of, vault_of
    from stockade.audit.sinks.probing_file import probe_file
    from stockade.audit.sinks.probing_s3 import Probe
    from stockade.config.secrets import resolve

    settings = _sink_of(sink, config)
    parts = urlsplit(settings.url)
    if parts.scheme == "file":
        return probe_file(path_of(parts.path))
    if parts.scheme == "s3":
        client = s3_of(Wanted(settings, Path(), Path(), resolve), settings.access_key, settings.secret_key)
        return Probe(client, *vault_of(settings), time.time).run()
    raise ConfigurationError(f"{parts.scheme} promises no lock", remedy="Stores (s3:) and files (file:) can be probed.")


def _say_check(check: Check) -> None:
    style = {"held": "green", "broken": "bold red", "unknown": "yellow"}[check.verdict]
    name = screen.shown(f"{check.verdict:<8}", style) + screen.shown(f"{check.name:<20}")
    screen.say(name + screen.shown(f"{check.tried}: ", "dim") + screen.shown(check.answered))


def _judged(broken: Sequence[Check]) -> str:
    if not broken:
        return "it can be trusted with the log"
    return "do not trust it with the log; look at " + ", ".join(check.name for check in broken)


def _places(log: Path | None, state: Path | None, config: Path | None) -> tuple[Path, Path]:
    """The log, and where positions are kept: as told; else where the server's carriers keep them, or beside the log."""
    from stockade.app.attending import carriers_state

    if log is not None:
        return log, state or log.with_name(f"{log.name}-carriers")
    settings = stockade(config).settings
    return settings.audit_log(), state or carriers_state(settings)


def _configured(config: Path | None) -> list[SinkSettings]:
    """The sinks of the configuration. Raises ConfigurationError when there are none."""
    found = [each.sink() for each in stockade(config).settings.audit.sinks]
    if not found:
        raise ConfigurationError("no sink is named", remedy="Add --sink URL, or [[audit.sinks]] to the configuration.")
    return found


def _sink_of(written: str, config: Path | None) -> SinkSettings:
    """A sink by its URL, or by its name in the configuration. Raises ConfigurationError."""
    if "://" in written:
        return _settings([written])[0]
    known = {each.called: each for each in _configured(config)}
    if written not in known:
        raise ConfigurationError(f"no sink is called {written}", remedy=f"There are {', '.join(known)}.")
    return known[written]


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
