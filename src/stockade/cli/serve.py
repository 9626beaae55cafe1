"""Start the gateway, and say where it is and how to try it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config

if TYPE_CHECKING:
    from stockade.app.serving import Started
    from stockade.config import Settings


def serve(
    *,
    upstream: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The service to stand in front of; the built-in forge unless told."),
    ] = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=512, help="How many processes serve.")] = None,
    config: Config = None,
) -> None:
    """Start the guard in front of a service, or of a small forge to try it with."""
    from stockade.app import Stockade
    from stockade.config import load

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("stockade").setLevel(logging.INFO)
    settings = _overridden(load(config), upstream, listen, workers)
    with suppress(KeyboardInterrupt):
        Stockade(settings).serve(_tell)


def _overridden(settings: Settings, upstream: str | None, listen: str | None, workers: int | None) -> Settings:
    from stockade.config.kinds import LISTEN, UPSTREAM
    from stockade.config.source import Source

    line = Source("the command line", "")
    if upstream is not None:
        settings = replace(settings, upstream=UPSTREAM.read(upstream, line.place("upstream")))
    if listen is not None:
        settings = replace(settings, listen=LISTEN.read(listen, line.place("listen")))
    return replace(settings, workers=workers) if workers is not None else settings


def _tell(started: Started) -> None:
    behind = started.settings.upstream or "a small forge"
    screen.say(screen.shown("Stockade", "bold") + screen.shown(f" stands in front of {behind}, at {started.url}"), "")
    if started.demo is not None and started.demo.there:
        _try_it(started)
    listed = screen.pairs(
        [
            ("why", screen.shown("stockade explain 127.0.0.1", "cyan")),
            ("lift", screen.shown("stockade unban 127.0.0.1", "cyan")),
            ("watch", screen.shown("stockade top", "cyan")),
            ("log", screen.shown(started.settings.security_log())),
            *([("audit", screen.shown(started.settings.audit_log()))] if started.settings.audit.enabled else []),
        ]
    )
    screen.say(listed)
    if started.key is not None:
        told = f"A new audit log. {started.key} verifies it: keep a copy of that file elsewhere."
        secrets = started.settings.audit_secrets()
        screen.say("", screen.shown(f"{told} {secrets} has the keys to what is concealed in it."))
    if started.without:
        screen.say("", screen.shown(started.without, "yellow"))
    screen.say("", screen.shown("Ctrl-C ends it.", "dim"))


def _try_it(started: Started) -> None:
    from stockade.directory.seed import REPOSITORY

    made = started.demo.made if started.demo else None
    host = started.url.removeprefix("http://")
    rows = [
        ("clone", screen.shown(f"git clone http://alice@{host}/{REPOSITORY}.git", "cyan")),
        ("password", screen.shown(made.password if made else "as shown when it was made", "" if made else "dim")),
    ]
    if started.registry and made:
        rows.append(("registry", screen.shown(f"skopeo login --tls-verify=false -u ci-bot {host}", "cyan")))
        rows.append(("its token", screen.shown(made.token_plain)))
    rows.append(("sign in", screen.shown(f"{started.url}/users/sign_in")))
    screen.say(screen.pairs(rows), "")
