"""What others say about the log: witnesses that cosign it, and authorities that stamp it with the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.audit import keys_in, octets_of
from stockade.cli.options import Config, Json, Log, log_of
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.audit.sinks.timestamps import Stamp


def witness(
    state: Annotated[Path, typer.Argument(metavar="STATE", help="Where the witness keeps its keys and what it saw.")],
    *,
    log: Annotated[list[Path], typer.Option(metavar="FILE", help="The key.pub of a log that it knows.")],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8431",
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="What it is called, such as witness.example/w1: makes its keys at first."),
    ] = "",
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="Serve HTTPS with this certificate.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key.")] = None,
) -> None:
    """Serve as a witness: cosign heads of other logs, each only when it continues the last (C2SP tlog-witness)."""
    import uvicorn

    from stockade.config.kinds import LISTEN, address_of
    from stockade.config.source import Source
    from stockade.witness import KEY, PUBLIC, application, make_witness, open_witness

    if name and not (state / KEY).exists():
        make_witness(state, name)
    found = open_witness(state, [key for path in log for key in keys_in(path)])
    host, port = address_of(LISTEN.read(listen, Source("the command line", "").place("listen")))
    typer.echo(f"{found.public_keys[0].name} listens at {listen}; give {state / PUBLIC} to the logs", err=True)
    uvicorn.run(
        application(found, state, time.time), host=host, port=port, log_level="warning", server_header=False,
        ssl_certfile=certificate, ssl_keyfile=certificate_key,
    )  # fmt: skip


def timestamp(
    log: Log = None,
    *,
    tsa: Annotated[str, typer.Option(metavar="URL", help="The address of the authority.")] = "",
    request_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only write the request, to be sent by other means.")
    ] = None,
    answer_in: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take in the answer to such a request.")
    ] = None,
    config: Config = None,
) -> None:
    """Have the newest head stamped with the time by an authority (RFC 3161), over the network or by files."""
    from stockade.audit.sinks.opening import authority_of
    from stockade.audit.sinks.settings import SinkSettings
    from stockade.audit.sinks.stamping import stamped
    from stockade.audit.sinks.timestamps import keep, request

    if sum(map(bool, (tsa, request_out, answer_in))) != 1:
        raise ConfigurationError("one of --tsa, --request-out and --answer-in is needed")
    path = log_of(log, config)
    if request_out:
        size, octets = request(path)
        request_out.write_bytes(octets)
        typer.echo(f"{request_out}: have it answered, and come back with --answer-in; it is for {size} entries")
        return
    done = (
        keep(path, octets_of(answer_in)) if answer_in else stamped(path, authority_of(SinkSettings.parse(f"tsa+{tsa}")))
    )
    typer.echo(_stamped(done))


def timestamps(
    log: Log = None,
    *,
    ca: Annotated[Path, typer.Option(metavar="FILE", help="The certificates of the authority, in PEM.")],
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key.pub of the log.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Verify every time stamp of the log, and that the log of today continues what was stamped.

    Exit code 5 when one does not verify.
    """
    from stockade.audit.sinks.timestamps import check

    found = check(log_of(log, config), octets_of(ca), keys_in(key) if key else ())
    if json:
        screen.say_json(found)
        return
    for stamp in found:
        typer.echo(_stamped(stamp))
    typer.echo(f"{screen.plural(len(found), 'time stamp')} verified, and the log continues each of them", err=True)


def key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, such as carrier.example/node1.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; FILE.pub is for others.")],
) -> None:
    """Make a key that signs requests, for an HTTPS sink."""
    from stockade.audit.durable import write_durably
    from stockade.audit.keys import PrivateKey

    if file.exists():
        raise ConfigurationError(f"{file} is there already", remedy="Choose another name, or remove it yourself.")
    made = PrivateKey.generate(name)
    public = file.with_name(file.name + ".pub")
    write_durably(file, f"{made.secret_text}\n".encode())
    write_durably(public, f"{made.public_key}\n".encode(), mode=0o644)
    typer.echo(f"{file}: keep it to yourself; {public}: give it to the receiver")


def _stamped(stamp: Stamp) -> str:
    when = datetime.fromtimestamp(stamp.time, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    return f"{stamp.size} entries were there at {when} UTC, says stamp {stamp.serial}"
