"""Why a client is refused and what it has used; what a request would meet, and what each rule really admits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.bans import by, name_of, target_of, what_of, why
from stockade.cli.options import Config, Json, stockade
from stockade.guard.meter import Ban

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from stockade.app.explanation import ClientExplained, Counter, RequestExplained, RuleExplained


def explain(
    what: Annotated[
        list[str],
        typer.Argument(help="An address, user:NAME …, or a request: POST /users/sign_in from 203.0.113.9 as alice."),
    ],
    *,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header of the request.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Why is this client refused? Which rules would this request meet?

    A request is written as a person would: POST /users/sign_in from 203.0.113.9 as alice.
    """
    from stockade.app.explanation import ClientExplained

    asked = stockade(config)
    found = asked.explain(" ".join(what), _headers(header or []))
    if json:
        return screen.say_json(found)
    if isinstance(found, ClientExplained):
        return _client(found, redis=asked.settings.store.written.startswith(("redis", "unix")))
    return _request(found)


def _headers(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _client(found: ClientExplained, *, redis: bool) -> None:
    now = time.time()
    state = "is banned" if found.bans else "can never be banned" if found.exempt else "is not banned"
    counted = f", counted as {found.key}" if found.key != found.target and not found.key.startswith("network:") else ""
    style = "bold red" if found.bans else "bold green"
    screen.say(
        screen.shown(found.target, "bold")
        + screen.shown(" ")
        + screen.shown(state, style)
        + screen.shown(counted, "dim")
    )
    if found.advice:
        screen.say("", screen.shown(found.advice, "bold yellow"))
    for ban in found.bans:
        screen.say("", _ban(ban, now))
    if found.counters:
        screen.heading("counted")
        screen.say(_counters(found.counters))
    if found.recent:
        screen.heading("lately")
        screen.say(_recent(found.recent, now))
    if found.bans:
        client = found.bans[0].client
        by_key = [("or", f"redis-cli DEL 'stockade:{{{client}}}'")] if redis else []
        screen.say("", screen.hints(("lift", f"stockade unban {target_of(client)}"), *by_key))


def _ban(ban: Ban, now: float) -> Table:
    rows = [
        ("client", screen.shown(target_of(ban.client))),
        ("by", by(ban)),
        ("since", screen.shown(screen.since(ban.since, now))),
        ("until", screen.shown(screen.until(ban.until, now))),
        ("because", why(ban)),
    ]
    return screen.pairs([row for row in rows if row[1]])


def _counters(counters: Sequence[Counter]) -> Table:
    listed = screen.table("rule", "used", "of", "in", "room again")
    for counter in counters:
        full = counter.used >= counter.limit
        listed.add_row(
            screen.shown(counter.rule + (" (shadow)" if counter.shadow else "")),
            screen.shown(f"{counter.used:.1f}".removesuffix(".0"), "bold red" if full else "bold"),
            screen.shown(f"{counter.limit:g}"),
            screen.shown(screen.span(counter.period)),
            screen.shown(f"in {screen.span(counter.wait)}" if counter.wait else "now"),
        )
    return listed


def _recent(entries: Sequence[Mapping[str, object]], now: float) -> Table:
    from stockade.app.overview import when

    listed = screen.table("time", "what", "rule", "request")
    for entry in entries:
        asked = f"{entry.get('request_method', '')} {entry.get('path', '')} {entry.get('status', '')}"
        listed.add_row(
            screen.clock_time(when(entry), now),
            screen.shown(what_of(entry)),
            screen.shown(name_of(str(entry.get("matched", "")))),
            screen.shown(asked.strip()),
        )
    return listed


def _request(found: RequestExplained) -> None:
    screen.say(screen.shown(f"{found.method} {found.path}", "bold"))
    applying = [rule for rule in found.rules if rule.applies]
    if not applying:
        screen.say("", "no rule applies")
    for rule in applying:
        screen.say("", *_rule(rule))
    others = [rule.name for rule in found.rules if not rule.applies]
    if others:
        screen.say("", screen.shown(f"not concerned: {', '.join(others)}", "dim"))
    if found.client is not None:
        screen.say("")
        _client(found.client, redis=False)


def _bare(condition: str) -> str:
    """A condition without the parentheses around the whole of it."""
    return condition[1:-1] if condition.startswith("(") and condition.endswith(")") else condition


def _rule(rule: RuleExplained) -> list[RenderableType]:
    title = screen.shown(rule.name, "bold") + screen.shown(f"  {rule.kind}", "dim")
    title += screen.shown("  shadow: counted, not enforced" if rule.shadow else "", "yellow")
    rows = [("does", screen.shown(rule.says)), ("when", screen.shown(_bare(rule.when)))]
    if not rule.certain:
        rows.append(("", screen.shown("judged by the status of the answer", "dim")))
    if rule.worst is not None:
        rows.append(("admits", screen.shown(f"at most {rule.worst}")))
    return [title, screen.pairs(rows)]
