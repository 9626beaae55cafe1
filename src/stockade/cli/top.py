"""A live view: who is refused now, by which rule, and who is banned."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.bans import by, name_of, target_of, what_of
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from stockade.app.overview import Overview


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Watch who is refused and who is banned, live.

    Ctrl-C ends it. Where nobody looks, as in a pipe, it is printed once.
    """
    asked = stockade(config)
    if json:
        return screen.say_json(asked.top())
    if once or not screen.console().is_terminal:
        return screen.say(view(asked.top()))
    from rich.live import Live

    with suppress(KeyboardInterrupt), Live(view(asked.top()), console=screen.console(), screen=True) as live:
        while True:
            time.sleep(every)
            live.update(view(asked.top()), refresh=True)


def view(found: Overview) -> Group:
    """The whole view."""
    from rich.console import Group

    title = screen.shown("stockade", "bold") + screen.shown(
        f"  {screen.clock_time(found.time, found.time)}  {screen.plural(len(found.bans), 'ban')}, last five minutes",
        "dim",
    )
    parts: list[RenderableType] = [title]
    for heading, part in (
        ("rules", _rules(found)),
        ("clients", _clients(found)),
        ("bans", _bans(found)),
        ("latest", _latest(found)),
    ):
        parts += ["", screen.shown(heading, "bold"), part]
    return Group(*parts)


def _rules(found: Overview) -> RenderableType:
    listed = screen.pairs([])
    listed.add_column(justify="right")
    most = max((line.times for line in found.rules), default=1)
    for line in found.rules:
        bar = "█" * max(1, round(24 * line.times / most))
        listed.add_row(
            screen.shown(name_of(line.name), "not dim"), screen.shown(bar, "cyan"), screen.shown(line.times, "bold")
        )
    return listed if found.rules else screen.shown("quiet", "dim")


def _clients(found: Overview) -> RenderableType:
    listed = screen.table("client", "times", "last by")
    for line in found.clients:
        listed.add_row(
            screen.shown(target_of(line.name), "bold"), screen.shown(line.times), screen.shown(name_of(line.detail))
        )
    return listed if found.clients else screen.shown("nobody", "dim")


def _bans(found: Overview) -> RenderableType:
    listed = screen.table("client", "by", "until")
    for ban in found.bans[:10]:
        listed.add_row(screen.shown(target_of(ban.client), "bold red"), by(ban), screen.until(ban.until, found.time))
    return listed if found.bans else screen.shown("nobody is banned", "dim")


def _latest(found: Overview) -> RenderableType:
    from stockade.app.overview import when

    listed = screen.table("time", "client", "what", "rule", "request")
    for entry in found.latest:
        listed.add_row(
            screen.clock_time(when(entry), found.time),
            screen.shown(target_of(str(entry.get("client", "")))),
            screen.shown(what_of(entry)),
            screen.shown(name_of(str(entry.get("matched", "")))),
            screen.shown(f"{entry.get('request_method', '')} {entry.get('path', '')}".strip()),
        )
    return listed if found.latest else screen.shown("nothing yet", "dim")
