"""Who is banned; ban somebody; lift it again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade
from stockade.guard.meter import MANUAL, Ban

if TYPE_CHECKING:
    from rich.text import Text


def bans(*, config: Config = None, json: Json = False) -> None:
    """Who is banned, by which rule, until when, and why."""
    found = stockade(config).bans()
    if json:
        return screen.say_json(found)
    if not found:
        return screen.say("nobody is banned")
    now = time.time()
    listed = screen.table("client", "by", "until", "why")
    for ban in found:
        listed.add_row(screen.shown(target_of(ban.client), "bold"), by(ban), screen.until(ban.until, now), why(ban))
    first = target_of(found[0].client)
    return screen.say(
        listed, "", screen.hints(("why", f"stockade explain {first}"), ("lift", f"stockade unban {first}"))
    )


def ban(
    target: Annotated[str, typer.Argument(help="An address, a network, user:NAME or token:NAME.")],
    *,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 90s, 5m, 1h, 1d, forever.")] = "1h",
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Ban an address, a network, a user or a token."""
    from stockade.config.values import seconds_of

    seconds = None if for_ in {"forever", "ever"} else seconds_of(for_)
    placed = stockade(config).ban(target, seconds, reason)
    if json:
        return screen.say_json(placed)
    ends = screen.until(placed.until, time.time())
    said = "for good" if ends == "never" else f"until {screen.clock_time(placed.until, time.time())}"
    screen.say(screen.shown(target_of(placed.client), "bold") + screen.shown(f" is banned {said}"))
    return screen.say(screen.hints(("lift", f"stockade unban {target_of(placed.client)}")))


def unban(
    target: Annotated[str, typer.Argument(help="What is banned: an address, a network, user:NAME or token:NAME.")],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Lift every ban of a client and clear its counters."""
    lifted = stockade(config).unban(target)
    if json:
        return screen.say_json(lifted)
    if not lifted:
        return screen.say(screen.shown(target, "bold") + screen.shown(" was not banned; its counters are clear now"))
    for each in lifted:
        said = screen.shown("lifted ", "green") + screen.shown(target_of(each.client), "bold")
        because = why(each)
        screen.say(said + screen.shown(", banned by ") + by(each) + (screen.shown(": ") + because if because else ""))
    return None


def target_of(client: str) -> str:
    """A client's key as somebody would type it."""
    return client.removeprefix("network:")


def name_of(rule: str) -> str:
    """A rule's name; nobody's, for what was done by hand."""
    return "by hand" if rule == MANUAL else rule


def what_of(entry: Mapping[str, object]) -> str:
    """What an entry of the security log is about, in a word or three."""
    word = str(entry.get("action", "")).removeprefix("guard.")
    word += " (shadow)" if entry.get("shadow") else ""
    return word + (f" ×{entry['repeated']}" if "repeated" in entry else "")


def by(ban: Ban) -> Text:
    """Which rule, or which hand."""
    if ban.rule == MANUAL:
        return screen.shown(f"hand of {ban.by}" if ban.by else "hand")
    again = f" (time {ban.level} in a row)" if ban.level > 1 else ""
    return screen.shown(f"{ban.rule}{again}")


def why(ban: Ban) -> Text:
    """The reason and the evidence."""
    return screen.shown(screen.joined([ban.reason, f"the last: {ban.evidence}" if ban.evidence else ""]))
