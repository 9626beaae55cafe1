"""Configurations printed for other programs, and taken over from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockade.gateway.securitytxt import Problem
    from stockade.gitlabrb import Remark

MAX_OCTETS = 4_000_000


def config_for(
    proxy: Annotated[str, typer.Argument(help="nginx, caddy, traefik or haproxy.")],
    *,
    site: Annotated[
        str, typer.Option(help="What clients ask for: a host name, with scheme and port where unusual.")
    ] = "localhost",
    upstream: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where the service is.")] = None,
    config: Config = None,
) -> None:
    """Print the configuration with which a proxy asks Stockade about each request."""
    typer.echo(stockade(config).config_for(proxy, site=site, upstream=upstream), nl=False)


def import_(
    file: Annotated[Path, typer.Argument(help="A gitlab.rb, or a rack_attack.rb; it is read, never run.")],
    *,
    json: Json = False,
) -> None:
    """Turn throttles and bans of GitLab or Rack::Attack into configuration.

    What could not be translated is said on standard error and in comments. Exit code 1 when there is such.
    """
    from stockade.gitlabrb import translate

    imported = translate(_text(file))
    if json:
        screen.say_json(imported)
    else:
        typer.echo(imported.toml(), nl=False)
        _remarks("not translated, to be done by hand", imported.untranslated, "bold yellow")
        _remarks("assumed, to be confirmed", imported.assumed, "dim")
    if imported.untranslated:
        raise typer.Exit(Exit.FOUND)


def _remarks(title: str, remarks: Sequence[Remark], style: str) -> None:
    if remarks:
        out = screen.console(stderr=True)
        out.print(screen.shown(title, style))
        for remark in remarks:
            out.print(screen.shown(f"  {remark}"))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            octets = opened.read(MAX_OCTETS + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigurationError(f"{file}: {reason}", remedy="Name a file that can be read.") from error
    if len(octets) > MAX_OCTETS:
        raise ConfigurationError(f"{file}: larger than {MAX_OCTETS} octets", remedy="Is it the right file?")
    return octets.decode("utf-8", errors="replace")


# ── security.txt ─────────────────────────────────────────────────────────────────────────────────

securitytxt = typer.Typer(help="The public security contact (RFC 9116).", no_args_is_help=True)
GRADES = {"error": "bold red", "recommendation": "yellow", "notice": "dim"}


@securitytxt.command("check")
def check(
    what: Annotated[str, typer.Argument(metavar="FILE|URL", help="A file, a URL, or a site such as example.org.")],
    *,
    json: Json = False,
) -> None:
    """Name everything wrong with a security.txt.

    Exit code 1 when there is an error; recommendations and notices alone are none.
    """
    found = _problems(what)
    if json:
        screen.say_json(found)
    elif not found:
        screen.say(screen.shown("all is well", "green"))
    else:
        for problem in found:
            where = f"line {problem.line}: " if problem.line else ""
            head = screen.shown(problem.severity, GRADES[problem.severity])
            screen.say(head + screen.shown(f"  {where}{problem.message}") + screen.shown(f"  ({problem.code})", "dim"))
            screen.say(screen.shown(f"    {problem.remedy}"))
    if any(problem.severity == "error" for problem in found):
        raise typer.Exit(Exit.FOUND)


def _problems(what: str) -> list[Problem]:
    from stockade.gateway.securitytxt import check as check_text
    from stockade.gateway.securitytxt.fetch import check_url

    now = datetime.now(UTC)
    if Path(what).is_file():
        return check_text(Path(what).read_bytes()[:MAX_OCTETS], now=now)
    if "://" in what or ("/" not in what and "." in what and not what.endswith(".txt")):
        return check_url(what, now=now)
    raise ConfigurationError(f"there is no file {what}", remedy="Name a file, or a site such as https://example.org.")


@securitytxt.command("show")
def show(*, config: Config = None) -> None:
    """Print the security.txt that the configuration describes."""
    typer.echo(stockade(config).security_txt(), nl=False)
