"""What the audit log holds of secrets and of people, which nobody can read there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Log, log_of, stockade
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.audit.concealing import Concealer

Secrets = Annotated[
    Path | None,
    typer.Option(
        "--secrets", metavar="DIR", help="The keys that conceal; the configuration's, if none.", show_default=False
    ),
]


def secrets(
    place: Annotated[Path, typer.Argument(metavar="SECRETS", help="The directory of the keys that conceal.")],
) -> None:
    """Make the keys under which secrets and personal values are written. Keep them apart from log and signer."""
    from stockade.audit.concealing import Concealer

    Concealer.create(place)
    typer.echo(f"{place}: a key of fingerprints, and room for a key for each person")


def fingerprint(*, secrets: Secrets = None, config: Config = None) -> None:
    """Print what stands in the log for a secret, to be searched for. The secret is asked for, or read from a pipe."""
    concealer = _concealer(secrets, config)
    asked = typer.prompt("Secret", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    secret = str(asked).rstrip("\n")
    if not secret:
        raise ConfigurationError("no secret was given", remedy="Type it when asked, or pipe it in.")
    typer.echo(concealer.fingerprint(secret))


def reveal(
    number: Annotated[int, typer.Argument(metavar="N", min=0, help="The number of the entry: its seq.")],
    log: Log = None,
    *,
    secrets: Secrets = None,
    config: Config = None,
) -> None:
    """Print an entry with what is personal in clear, or `(erased)`. That somebody reads it is recorded."""
    from stockade.audit.reading import entries

    concealer, where = _concealer(secrets, config), log_of(log, config)
    found = next(entries(where, number, number + 1), None)
    if found is None:
        raise ConfigurationError(f"{where} has no entry {number}")
    if log is None:
        stockade(config).note_reading({"from": number, "to": number, "why": "reveal"})
    screen.say_json(
        {"seq": found.index, "action": found.event.action, "details": concealer.reveal(found.event.details)}
    )


def erase(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Whom, such as stockade:user/alice.")],
    *,
    secrets: Secrets = None,
    config: Config = None,
) -> None:
    """Destroy the key of a person: what the log holds of them can be read by nobody any more, and every proof holds.

    Recorded first, as `person.erase`. There is no way back.
    """
    import time

    from stockade.events import Event, Ref

    try:
        whom = Ref.parse(subject)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    subjects, ours = _concealer(secrets, config).subjects, stockade(config)
    key = subjects.find(subject)
    if key is None:
        raise ConfigurationError(f"nothing personal was written about {subject}", remedy="Or it is erased already.")
    with ours.recording() as recording:
        recording.insist(Event(time.time(), "person.erase", ours.actor, whom, details={"key": key.id}))
    subjects.destroy(subject)
    typer.echo(f"what the log holds about {screen.safe(subject)} is erased")


def _concealer(secrets: Path | None, config: Path | None) -> Concealer:
    from stockade.audit.concealing import Concealer

    return Concealer(secrets or stockade(config).settings.audit_secrets())
