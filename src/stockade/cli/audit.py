"""The audit log, looked at by somebody who trusts nothing but a public key."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, Log, log_of, stockade
from stockade.errors import ConfigurationError, StockadeError

if TYPE_CHECKING:
    from stockade.audit.checkpoint import Checkpoint
    from stockade.audit.keys import PublicKey
    from stockade.audit.verify import Report

audit = typer.Typer(help="Check the audit log, and prove what is in it.", no_args_is_help=True)

Key = Annotated[Path, typer.Option(metavar="FILE", help="The key.pub that was kept when the log was made.")]
Head = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A head that was kept or written down: a signed one, or in words."),
]


@audit.command()
def create(
    log: Log = None,
    state: Annotated[
        Path | None,
        typer.Argument(metavar="STATE", show_default=False, help="Where its keys and its last head are kept."),
    ] = None,
    *,
    origin: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the log, such as audit.example.com/node1.")
    ] = None,
    config: Config = None,
) -> None:
    """Make a new log and its keys; the one of the configuration when no other is named.

    Keep STATE apart from LOG, and key.pub apart from both.
    """
    from stockade.audit.log import AuditLog

    asked = stockade(config).settings
    log = log or asked.audit_log()
    state = state or asked.audit_signer()
    AuditLog.create(log, state, origin=origin or asked.audit_origin())
    typer.echo(f"{log}: a new log, {origin or asked.audit_origin()}")
    typer.echo(f"{state / 'key.pub'}: give it to whoever is to verify the log")


@audit.command()
def verify(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="LOG", show_default=False, help="The directories of logs; the configuration's, if none."
        ),
    ] = None,
    *,
    key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="The key.pub that was kept when the log was made.")
    ] = None,
    head: Head = None,
    witness: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="The public keys of a witness.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check every entry, every tile and every head, and say what could not be checked.

    Of several logs, each is checked with the keys and the heads that bear its name. Exit code 5 when something was
    changed: the message names it.
    """
    places = logs or [log_of(None, config)]
    signer = stockade(config).settings.audit_signer()
    given = _Given(
        [known for path in key for known in keys_in(path)] if key else keys_of(signer),
        [remembered(path) for path in head or []],
        [known for path in witness or [] for known in keys_in(path)],
        "" if key else f"whose log it is: the key is from {signer}, not from where you have kept a copy (--key)",
    )
    reports, wrong = _all_verified(places, given)
    if json and reports:
        screen.say_json(_as_json(reports[0]) if len(places) == 1 else [_as_json(each) for each in reports])
    for report in () if json else reports:
        _show(report)
    for each in wrong[:-1]:
        screen.complain(each)
    if wrong:
        raise wrong[-1]


@dataclass(frozen=True)
class _Given:
    """What somebody has kept elsewhere: keys, heads, and the keys of witnesses."""

    keys: list[PublicKey]
    heads: list[Checkpoint]
    witnesses: list[PublicKey]
    doubt: str


def _all_verified(places: list[Path], given: _Given) -> tuple[list[Report], list[StockadeError]]:
    """The reports about those that are right, and what is wrong with the others."""
    reports: list[Report] = []
    wrong: list[StockadeError] = []
    for place in places:
        try:
            report = _verified(place, given, alone=len(places) == 1)
        except StockadeError as error:
            wrong.append(error)
        else:
            doubts = [given.doubt] if given.doubt else []
            reports.append(replace(report, unchecked=(*report.unchecked, *doubts)))
    return reports, wrong


def _verified(log: Path, given: _Given, *, alone: bool) -> Report:
    """Check one log; ``alone``, with all that was given, so that what does not belong to it is a mistake."""
    from stockade.audit.prove import newest_head
    from stockade.audit.verify import verify as verified

    keys, heads = given.keys, given.heads
    if not alone:
        origin = newest_head(log)[0].origin
        keys = [key for key in keys if key.name == origin]
        heads = [head for head in heads if head.origin == origin]
    return verified(log, keys, remembered=heads, witnesses=given.witnesses, now=time.time())


@audit.command()
def prove(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[LOG] N", help="The number of the entry, its seq; before it the log, if another."),
    ],
    *,
    config: Config = None,
) -> None:
    """Print a proof that an entry is in the log: a file that anybody can check without it."""
    from stockade.audit.prove import prove as proven

    *named, number = words
    if len(named) > 1 or not number.isdecimal():
        raise ConfigurationError("that is not the number of an entry", remedy="Write: stockade audit prove [LOG] N")
    proof = proven(log_of(Path(named[0]) if named else None, config), int(number))
    if not named:
        stockade(config).note_reading({"from": proof.index, "to": proof.index, "why": "prove"})
    typer.echo(proof.text, nl=False)


@audit.command()
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="What prove has printed.")],
    *,
    key: Key,
) -> None:
    """Check a proof, and print the entry that it is about."""
    from stockade.audit.proof import Proof

    read = Proof.parse(octets_of(proof))
    head = read.check(keys_in(key))
    typer.echo(screen.safe(read.entry.decode("utf-8", "replace")))
    typer.echo(f"is entry {read.index} of {screen.safe(head.origin)}, which had {head.size} entries then", err=True)


@audit.command()
def consistency(
    log: Log = None,
    *,
    head: Annotated[Path, typer.Option(metavar="FILE", help="The older head: a signed one, or in words.")],
    config: Config = None,
) -> None:
    """Show that the log continues an older head, and print the hashes that prove it."""
    from stockade.audit.prove import prove_consistency

    old = remembered(head)
    newest, hashes = prove_consistency(log_of(log, config), old)
    for each in hashes:
        typer.echo(b64encode(each).decode())
    typer.echo(f"the log of {newest.size} entries begins with the one of {old.size}", err=True)


@audit.command()
def head(
    log: Log = None,
    *,
    note: Annotated[bool, typer.Option("--note", help="Print the signed head itself, as a file to keep.")] = False,
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code, to be photographed.")] = False,
    config: Config = None,
) -> None:
    """Print the newest head in words, to be written down and kept where nobody can change it.

    Nothing is checked here; verify does that.
    """
    from stockade.audit.prove import newest_head
    from stockade.audit.words import said

    newest, raw = newest_head(log_of(log, config))
    if qr:
        import segno

        segno.make(said(newest), error="m", micro=False).terminal(compact=True)
    typer.echo(raw.decode() if note else _safe_lines(said(newest)), nl=False)


def _safe_lines(text: str) -> str:
    """Lines of foreign text."""
    return "".join(f"{screen.safe(line)}\n" for line in text.splitlines())


def _show(report: Report) -> None:
    when = screen.since(report.signed_at, time.time()) if report.signed_at is not None else "at a time it does not tell"
    typer.echo(f"{screen.safe(report.head.origin)}: {report.head.size} entries are as they were signed, {when}")
    typer.echo(f"  recorded from {report.first} to {report.last}")
    typer.echo(f"  {screen.plural(report.segments, 'segment')}, {screen.plural(report.heads, 'head')}, all tiles")
    typer.echo("  signed with " + ", ".join(f"{screen.safe(key.name)}+{key.id.hex()}" for key in report.keys))
    for title, lines in (("the log says", report.remarks), ("not checked", report.unchecked)):
        for line in lines:
            typer.echo(f"  {title}: {screen.safe(line)}")


def _as_json(report: Report) -> dict[str, object]:
    return {
        "origin": report.head.origin,
        "size": report.head.size,
        "root": b64encode(report.head.root).decode(),
        "keys": [str(key) for key in report.keys],
        "signed_at": report.signed_at,
        "heads": report.heads,
        "segments": report.segments,
        "first": report.first,
        "last": report.last,
        "unsigned": report.unsigned,
        "witnessed": report.witnessed,
        "remarks": list(report.remarks),
        "unchecked": list(report.unchecked),
    }


def keys_in(path: Path) -> list[PublicKey]:
    """The public keys in a file, a line each. Raises ConfigurationError."""
    from stockade.audit.keys import PublicKey

    lines = octets_of(path).decode("utf-8", "replace").splitlines()
    return [PublicKey.parse(line) for line in lines if line.strip()]


def keys_of(signer: Path) -> list[PublicKey]:
    """The public keys of a signer, from its directory or at its socket. Raises ConfigurationError, Unavailable."""
    if not signer.is_socket():
        return keys_in(signer / "key.pub")
    from stockade.audit.signing import RemoteSigner

    return RemoteSigner(signer).public_keys


def remembered(path: Path) -> Checkpoint:
    """A head from a file, signed or in words. What counts is that it was kept: its signature is not looked at."""
    from stockade.audit.checkpoint import Checkpoint
    from stockade.audit.note import Note
    from stockade.audit.words import understood

    raw = octets_of(path)
    if "\n— ".encode() in raw:
        return Checkpoint.parse(Note.parse(raw).text)
    return understood(raw.decode("utf-8", "replace"))


def octets_of(path: Path) -> bytes:
    """All of a file. Raises ConfigurationError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
