"""Draw a plan against a compromise, and look at it; nothing is done here."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.app.respond.responding import Responding
    from stockade.respond.standing import PlanState

plan = typer.Typer(help="Draw a plan against a compromise; it changes nothing.", no_args_is_help=True)

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="How far to look back: 12h, 7d; the configuration's window."),
]
Incident = Annotated[str, typer.Option(help="The incident it belongs to; the day and the name unless told.")]
All = Annotated[bool, typer.Option("--all", help="Show every step, however many are alike.")]
EvenMe = Annotated[
    bool, typer.Option("--even-me", help="Even if that is the last administrator, or the one who gives the command.")
]


@plan.command("account")
def account(
    name: Annotated[str, typer.Argument(help="The account that is in strange hands.")],
    *,
    since: Since = None,
    incident: Incident = "",
    even_me: EvenMe = False,
    everything: All = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """A person's account: shut it out, take away what it holds and made, make anew what it could reach."""
    with stockade(config).responding() as response:
        found = response.draw("account", name, since=_moment(since), incident=incident, even_me=even_me)
        _say(found, response, json=json, everything=everything)


@plan.command("bot")
def bot(
    name: Annotated[str, typer.Argument(help="The program's account.")],
    *,
    since: Since = None,
    incident: Incident = "",
    even_me: EvenMe = False,
    everything: All = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """A program's account: each secret gets a successor before it is revoked, so that its service stays up."""
    with stockade(config).responding() as response:
        found = response.draw("bot", name, since=_moment(since), incident=incident, even_me=even_me)
        _say(found, response, json=json, everything=everything)


@plan.command("instance")
def instance(
    name: Annotated[str, typer.Argument(help="The machine; this one unless told.")] = "",
    *,
    suspect: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT", help="Shut this account out as well.")] = None,
    to: Annotated[str, typer.Option(metavar="SINK", help="Where evidence goes; by hand where it is not said.")] = "",
    allow: Annotated[
        list[str] | None, typer.Option(metavar="NETWORK", help="Who still reaches the machine beside you.")
    ] = None,
    allow_out: Annotated[
        list[str] | None, typer.Option(metavar="SERVER", help="What the machine still reaches beside sinks and names.")
    ] = None,
    operator: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Where you come from as well.")] = None,
    since: Since = None,
    incident: Incident = "",
    even_me: EvenMe = False,
    everything: All = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """A machine and all that was kept on it: save, shut, come back clean, and make every secret anew.

    It has everybody's account in it, root's too. Steps on another machine than this are left to be done there by hand.
    """
    from stockade.app.respond.machines import asked_here

    with stockade(config).responding() as response:
        asked = asked_here(
            name,
            response.since(_moment(since)),
            time.time(),
            incident,
            suspects=suspect or (),
            to=to,
            allow=allow or (),
            allow_out=allow_out or (),
            operator=operator or (),
        )
        _say(response.draw_machine(asked, even_me=even_me), response, json=json, everything=everything)


@plan.command("token")
def token(
    number: Annotated[
        int | None, typer.Argument(help="The token's number; without it, its text is read from standard input.")
    ] = None,
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a successor instead of revoking it: what uses it needs the new text.")
    ] = False,
    since: Since = None,
    incident: Incident = "",
    even_me: EvenMe = False,
    everything: All = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """A token that has leaked: whose it is, what it opens, and how to end it.

    Its text is asked for, or in a pipe read from standard input; it is never an argument.
    """
    plain = "" if number is not None else _plain()
    with stockade(config).responding() as response:
        leaked = response.token(number, plain)
        found = response.draw(
            "token",
            leaked.holder,
            token=leaked,
            since=_moment(since),
            incident=incident,
            rotate=rotate,
            even_me=even_me,
        )
        if not json:
            screen.say(
                screen.pairs(
                    [
                        ("token", screen.shown(f'{leaked.id}, "{leaked.name}" of {leaked.holder}', "bold")),
                        ("opens", screen.shown(", ".join(sorted(leaked.scopes)))),
                        ("used", screen.since(leaked.last_used, time.time()) if leaked.last_used else "never"),
                    ]
                ),
                "",
            )
        _say(found, response, json=json, everything=everything)


@plan.command("show")
def show(
    digest: Annotated[str, typer.Argument(help="The plan's digest, or at least 8 characters of it.")],
    *,
    everything: All = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """A plan as it stands: what is approved, done, left, and what to type next."""
    with stockade(config).responding() as response:
        _say(response.plan(digest), response, json=json, everything=everything)


@plan.command("export")
def export(
    digest: Annotated[str, typer.Argument(help="The plan's digest, or at least 8 characters of it.")],
    *,
    config: Config = None,
) -> None:
    """A plan as a playbook of CACAO 2.0, on standard output, for other people's tools."""
    from stockade.respond.cacao import playbook

    with stockade(config).responding() as response:
        found = response.plan(digest)
    screen.say_json(
        playbook(
            found.plan.steps,
            digest=found.digest,
            name=f"{found.plan.playbook} {found.plan.subject.id}",
            about=f"What is to be done about {found.plan.subject}, in the incident {found.plan.incident}.",
            drawn=found.plan.drawn,
            expires=found.plan.expires,
        )
    )


@plan.command("list")
def list_(*, config: Config = None, json: Json = False) -> None:
    """Every plan that was drawn, the latest first."""
    from stockade.cli.planned import as_json
    from stockade.respond.next import SHOWN

    with stockade(config).responding() as response:
        found = list(response.plans().values())[::-1]
        if json:
            return screen.say_json([as_json(each, response.rule) | {"steps": len(each.steps)} for each in found])
    listed = screen.table("plan", "drawn", "about", "incident", "steps", "state")
    for each in found:
        listed.add_row(
            screen.shown(each.digest[:SHOWN], "bold cyan"),
            screen.clock_time(each.plan.drawn, time.time()),
            screen.shown(f"{each.plan.playbook} {each.plan.subject.id}", "bold"),
            screen.shown(each.plan.incident),
            f"{len(each.steps):,}",
            screen.shown(each.called),
        )
    return screen.say(listed if found else "there are no plans")


def _say(found: PlanState, response: Responding, *, json: bool, everything: bool) -> None:
    from stockade.cli.planned import as_json
    from stockade.cli.planned import show as shown

    if json:
        screen.say_json(as_json(found, response.rule))
    else:
        shown(found, response.rule, everything=everything)


def _moment(since: str | None) -> float | None:
    from stockade.config.values import seconds_of

    return None if since is None else time.time() - seconds_of(since)


def _plain() -> str:
    if sys.stdin.isatty():
        found: str = typer.prompt("the token", hide_input=True)
    else:
        found = sys.stdin.readline(4096)
    if not found.strip():
        raise ConfigurationError(
            "no token was given", remedy="Give its number, or its text on standard input; never as an argument."
        )
    return found.strip()
