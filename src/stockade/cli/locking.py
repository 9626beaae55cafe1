"""Lock somebody out for a while, and let somebody in again: the two words for three in the morning and for after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.gating import Override, at_the_gate, end_waiting
from stockade.cli.options import Config, Json, Reason, stockade
from stockade.cli.plans import EvenMe

if TYPE_CHECKING:
    from stockade.directory.accounts import Account

Name = Annotated[str, typer.Argument(help="The account's name.")]


def lock(
    name: Name,
    *,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 30m, 2h, 1d.")] = "2h",
    reason: Reason = "",
    even_me: EvenMe = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Refuse an account everywhere at once and end its sessions; it lapses by itself."""
    from stockade.config.values import seconds_of

    with stockade(config).responding() as response:
        found = response.lock(name, seconds_of(for_), reason, even_me=even_me)
    if json:
        return screen.say_json(found)
    until = screen.until(found.locked or 0.0, time.time())
    screen.say(screen.shown(found.name, "bold") + screen.shown(" is locked out everywhere", "red") + f"; ends {until}")
    return screen.say(
        screen.hints(
            ("draw a plan", f"stockade plan account {found.name}"), ("let in again", f"stockade unlock {found.name}")
        )
    )


def unlock(name: Name, *, reason: Reason = "", config: Config = None, json: Json = False) -> None:
    """Let a locked account in before its time."""
    with stockade(config).responding() as response:
        found = response.unlock(name, reason)
    if json:
        return screen.say_json(found)
    return _say_how_it_stands(found)


def unblock(
    name: Name,
    *,
    reason: Reason = "",
    override: Override = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Let a blocked account in again.

    One that is under a response is let in when every box of the gate is green, or waived, or two people answer for it.
    """
    from stockade.cli.planned import boxes_as_json, show_boxes

    with stockade(config).responding() as response, at_the_gate(json=json):
        found = response.unblock(name, reason, override=override)
    if json:
        told = {"unblocked": not found.waits_for, "waits_for": found.waits_for, "must_enrol": found.must_enrol}
        screen.say_json(told | {"boxes": boxes_as_json(found.boxes)})
    elif found.boxes:
        show_boxes(found.boxes)
    end_waiting(found.waits_for, f"unblock {found.account.name}", json=json)
    if not json:
        _say_how_it_stands(found.account)
        if found.must_enrol:
            said = "until a second factor is enrolled, at the next sign-in with a browser, every other door refuses it"
            screen.say(screen.shown(said, "yellow"))


def _say_how_it_stands(account: Account) -> None:
    """An account may be shut out for more than one reason, and may have been let in before."""
    stands = screen.standing(account, time.time(), in_="green", otherwise="may sign in")
    screen.say(screen.shown(account.name, "bold") + ": " + stands)
