"""Who must have a second factor, from when on, and who has one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.directory.builtin.factor_policy import FactorStanding

two_factor = typer.Typer(help="Require second factors, and see who has one.", no_args_is_help=True)

Group = Annotated[
    str | None, typer.Option("--group", help="Only who may do something in this group, or in a project of it.")
]


@two_factor.command("require")
def require(
    *,
    group: Group = None,
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="How long they have to add one: 3d, 12h …, 0 for at once.")
    ] = "7d",
    config: Config = None,
) -> None:
    """Have people need a second factor: everybody, or a group.

    After the grace, passwords, tokens and keys of who has none are refused everywhere, and a browser opens nothing but
    the page that adds one. Programs are not asked.
    """
    from stockade.config.values import seconds_of

    asked = stockade(config)
    seconds = 0.0 if grace == "0" else seconds_of(grace)
    with asked.directory() as directory:
        told = directory.require_two_factor(group, seconds, by=asked.actor)
    people = screen.plural(told, "account has", "accounts have")
    screen.say(screen.shown(f"{people} been told to add one, by {screen.clock_time(time.time() + seconds, 0.0)}"))
    screen.say(screen.hints(("who has one", "stockade two-factor status")))


@two_factor.command("lift")
def lift(*, group: Group = None, config: Config = None) -> None:
    """Ask it of nobody else; who was told a day keeps it."""
    asked = stockade(config)
    with asked.directory() as directory:
        directory.lift_two_factor(group, by=asked.actor)
    screen.say(screen.shown("nobody else is asked; those who were keep their day"))
    screen.say(screen.hints(("let one of them off", "stockade two-factor excuse NAME")))


@two_factor.command("excuse")
def excuse(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
    config: Config = None,
) -> None:
    """Let one account do without, until a rule is made or it joins another group that has one."""
    asked = stockade(config)
    with asked.directory() as directory:
        found = directory.require_factor(name, waive=True, by=asked.actor, reason=reason or None)
    screen.say(screen.shown(found.name, "bold") + screen.shown(" may do without a second factor"))


@two_factor.command("status")
def status(
    *,
    missing: Annotated[bool, typer.Option("--missing", help="Only who has none.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Who has a second factor, and who must have one by when."""
    with stockade(config).directory() as directory:
        rules = directory.two_factor_rules()
        found = [each for each in directory.two_factor_status() if not (missing and each.has_factor)]
    if json:
        return screen.say_json({"rules": rules, "accounts": found})
    for place, grace in rules.items():
        where = f"in {place}" if place else "everybody"
        screen.say(screen.shown(f"required: {where}, within {screen.span(grace)}", "bold"))
    listed = screen.table("account", "second factor", "needed")
    now = time.time()
    for each in found:
        listed.add_row(screen.shown(each.account.name, "bold"), _has(each), _needed(each, now))
    return screen.say(listed if found else "there is nobody")


def _has(each: FactorStanding) -> str:
    return "yes" if each.has_factor else "no"


def _needed(each: FactorStanding, now: float) -> str:
    due = each.account.factor_due
    if due is None:
        return "no"
    if each.has_factor:
        return "yes"
    return f"{screen.span(now - due)} overdue: refused" if due <= now else screen.until(due, now)
