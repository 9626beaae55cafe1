"""The signer in a process of its own, and what it answers for: that something is not in the log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Log, log_of, stockade
from stockade.errors import ConfigurationError

State = Annotated[
    Path | None,
    typer.Option("--signer", metavar="STATE", help="Where the signer keeps its keys, or the socket it listens at."),
]


def signer(
    socket: Annotated[Path, typer.Argument(metavar="SOCKET", help="Where to listen.")],
    *,
    state: State = None,
    user: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who may have heads signed; who runs this, if nobody.")
    ] = None,
    config: Config = None,
) -> None:
    """Sign heads for the log in another process, under a user who alone can read the keys. Ends with Ctrl-C.

    Give the socket as the signer of the log: `signer = "SOCKET"` under `[audit]`.
    """
    import os

    from stockade.audit.signer import Signer
    from stockade.audit.signing import serve_signer

    users = [_number(name) for name in user] if user else [os.geteuid()]
    keys = Signer(state or stockade(config).settings.audit_signer())
    said = f"signing for {screen.safe(keys.origin)} at {screen.safe(socket)}"
    serve_signer(keys, socket, users, ready=lambda: typer.echo(said, err=True))


def absence(
    log: Log = None,
    *,
    action: Annotated[
        str, typer.Option(metavar="ACTION", help="Such as token.create, or token.* for all of a kind.")
    ] = "",
    since: Annotated[
        str,
        typer.Option("--from", metavar="POINT", help="The number of an entry, a date, a time, or a head in a file."),
    ] = "0",
    until: Annotated[
        str | None, typer.Option("--to", metavar="POINT", help="The same; up to the newest head, if not given.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this statement, and look through the log again.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key.pub that was kept; for --check.")] = None,
    state: State = None,
    config: Config = None,
) -> None:
    """Have the signer state that the whole log holds no event of an action between two points.

    Exit code 3 when there is one: the message names the entry.
    """
    from stockade.audit.absent import absence as looked_for
    from stockade.audit.signing import signer_at

    place = log_of(log, config)
    if check is not None:
        return _check(place, check, key, config)
    if not action:
        raise ConfigurationError("no action was named", remedy="Write: --action token.create")
    signs = signer_at(state or stockade(config).settings.audit_signer())
    end = None if until is None else _point(place, until)
    statement = looked_for(place, action, _point(place, since), end, signs.public_keys)
    return typer.echo(signs.state_absence(statement, time.time()).decode(), nl=False)


def _check(log: Path, path: Path, key: Path | None, config: Path | None) -> None:
    from stockade.audit.absence import signed_absence
    from stockade.audit.absent import look_again
    from stockade.cli.audit import keys_in, keys_of, octets_of

    keys = keys_in(key) if key else keys_of(stockade(config).settings.audit_signer())
    statement = signed_absence(octets_of(path), keys)
    look_again(log, statement, keys)
    span = f"entries {statement.start.size} to {statement.end.size - 1} of {screen.safe(statement.end.origin)}"
    typer.echo(f"{span} hold no event {screen.safe(statement.action)}; the log is complete and as it was signed")


def _point(log: Path, text: str) -> int:
    """The number of an entry, from whatever a person may write for it."""
    from stockade.audit.absent import size_at
    from stockade.cli.audit import remembered

    if text.isascii() and text.isdecimal():
        return int(text[:18])
    return remembered(Path(text)).size if Path(text).is_file() else size_at(log, text)


def _number(name: str) -> int:
    import pwd

    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ConfigurationError(f"there is no user {name!r} here") from None
