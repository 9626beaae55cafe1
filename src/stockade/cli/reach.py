"""What an account or a leaked token could have reached, and the list of what to do about it, kept to its end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade
from stockade.cli.zone import local
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from stockade.app.respond.reaching import Found, Reaching
    from stockade.directory.accounts import Level
    from stockade.directory.rotation import Item
    from stockade.directory.ticks import Tick
    from stockade.events import Ref

LINES: Final = 12
"""How many lines of a section are shown, unless all are asked for."""
STATES: Final = {"open": "yellow", "too early": "bold red", "done": "green", "waived": "dim"}


def reach(
    who: Annotated[
        str | None, typer.Argument(metavar="USER|REF", help="An account, or one of its credentials: token/12.")
    ] = None,
    *,
    token: Annotated[
        bool, typer.Option("--token", help="A token of which only the text is known: asked for, or read from a pipe.")
    ] = False,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Since when: 30d unless told.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Until when: now unless told.")] = None,
    protected: Annotated[
        str, typer.Option(metavar="LEVEL", help="Who pushes to protected branches: developer, maintainer, owner.")
    ] = "maintainer",
    list_: Annotated[bool, typer.Option("--list", help="Show the whole list of what to do, and nothing else.")] = False,
    done: Annotated[list[str] | None, typer.Option(metavar="REF", help="Tick a line off; may be given again.")] = None,
    waive: Annotated[list[str] | None, typer.Option(metavar="REF", help="Leave a line out, with --reason.")] = None,
    reopen: Annotated[list[str] | None, typer.Option(metavar="REF", help="Open a line again.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show every line of every section.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Every secret that was within reach, all it could make, all it did make; what to replace, in which order, by whom.

    Ticks are kept in the audit log. A line cannot be ticked off while something can still read it.
    """
    from stockade.app.respond.reaching import reaching, ref_of

    asked, least = stockade(config), _level(protected)
    subject = _leaked(config) if token else who
    if subject is None:
        raise ConfigurationError("say whose reach", remedy="stockade reach alice, or token/12, or --token.")
    with reaching(asked, subject, _moment(from_), _moment(to)) as question:
        found = question.look(least)
        ticked = [(question.done, done), (question.waive, waive), (question.reopen, reopen)]
        if any(refs for _, refs in ticked):
            found = _tick(
                question, found, [(verb, ref_of(ref)) for verb, refs in ticked for ref in refs or []], reason, least
            )
    if json:
        return screen.say_json(_as_json(found))
    if not list_:
        _show(found, 10**9 if everything else LINES)
    return _list(found, 10**9 if list_ or everything else LINES)


def _tick(question: Reaching, found: Found, ticks: Sequence[tuple[object, Ref]], reason: str, least: Level) -> Found:
    """Tick lines one after the other, each by what stands after the one before."""
    for verb, ref in ticks:
        if verb == question.reopen:
            question.reopen(found, ref)
        elif verb == question.waive:
            question.waive(found, ref, reason)
        else:
            question.done(found, ref, reason)
        found = question.look(least)
    return found


def _leaked(config: Config) -> str:
    """The reference of a token whose text is asked for: a text on a command line could be read by everybody."""
    text: str = typer.prompt("the token", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline(4096)
    with stockade(config).directory() as directory:
        return str(directory.token_in_plain(text.strip()).ref)


def _level(text: str) -> Level:
    from stockade.directory.accounts import Level

    if text.upper() not in Level.__members__:
        raise ConfigurationError(f"{text!r} is no level", remedy=f"One of {', '.join(Level.__members__).lower()}.")
    return Level[text.upper()]


def _moment(text: str | None) -> float | None:
    from stockade.search.moments import moment

    if text is None:
        return None
    try:
        return moment(text, time.time(), local()).timestamp()
    except ValueError as error:
        remedy = "Write 90m, 7d, 09:30, yesterday, 2026-11-01 or 2026-11-01T09:30Z."
        raise ConfigurationError(f"{text!r} is no moment", remedy=remedy) from error


# ── the reach ────────────────────────────────────────────────────────────────────────────────────


def _show(found: Found, most: int) -> None:
    subject, window = found.reach.subject, found.reach.window
    alone = f", by {subject.ref.kind}/{subject.ref.id} alone" if subject.token is not None else ""
    state = screen.standing(subject.account, time.time(), out="green", in_="bold red", otherwise="not blocked")
    span = f"from {_minute(window.since)} to {_minute(window.until)}"
    screen.say(screen.shown(subject.account.name, "bold") + screen.shown(f"{alone}, ") + state, span)
    _section("did make in this time", _deeds(found), most, "nothing that the directory or the log knows of")
    _section("could make", _mints(found), most, "nothing")
    _section("could read and write", _access(found), most, "nothing but what is public")
    screen.heading("secrets within reach")
    ways = Counter(each.how for each in found.reach.secrets)
    seen = Counter(each.how for each in found.reach.secrets if each.seen is not None)
    rows = [
        (way.value, f"{count:,}" + (f", {seen[way]:,} of them seen in the log" if seen[way] else ""))
        for way, count in ways.items()
    ]
    screen.say(screen.pairs(rows) if rows else "none")


def _section(title: str, rows: Sequence[tuple[str, RenderableType]], most: int, nothing: str) -> None:
    screen.heading(title)
    if not rows:
        return screen.say(screen.shown(nothing, "green"))
    screen.say(screen.pairs(rows[:most]))
    left = len(rows) - most
    return screen.say(screen.shown(f"and {left:,} more: --all", "dim")) if left > 0 else None


def _deeds(found: Found) -> list[tuple[str, RenderableType]]:
    return [
        (
            _minute(deed.when),
            screen.shown(f"{deed.ref.kind}/{deed.ref.id}", "bold")
            + screen.shown(f"  {deed.what}")
            + screen.shown(f"  {', '.join(deed.entries[:3])}", "dim")
            + screen.shown("" if deed.thing is None or deed.thing.revoked is None else "  ended", "green"),
        )
        for deed in found.reach.made
    ]


def _mints(found: Found) -> list[tuple[str, RenderableType]]:
    return [(mint.path or "the instance", screen.shown(f"{mint.what}: {mint.why}")) for mint in found.reach.mints]


def _access(found: Found) -> list[tuple[str, RenderableType]]:
    return [(each.path or "everywhere", screen.shown(f"{each.can}: {each.why}")) for each in found.reach.access]


# ── the list ─────────────────────────────────────────────────────────────────────────────────────


def _list(found: Found, most: int) -> None:
    """The list in its order: all of it, or the lines that come next."""
    kept, ticks = found.progress, found.progress.ticks
    screen.heading(f"to do, in this order: {kept.settled:,} of {len(kept.items):,} settled, {kept.percent} %")
    lines = kept.items if most >= len(kept.items) else [item for item in kept.items if _is_open(ticks[item.target])]
    table = screen.table("", "state", "what", "do", "why", "ask", "after")
    position = {item.target: item.position for item in kept.items}
    for item in lines[:most]:
        table.add_row(*_row(item, ticks[item.target], position))
    screen.say(table)
    left = len(lines) - most
    if left > 0:
        screen.say(screen.shown(f"and {left:,} more lines: --list shows all", "yellow"))
    cycles = {frozenset(item.cycle) for item in kept.items if item.cycle}
    for cycle in cycles:
        numbers = ", ".join(str(position[ref]) for ref in sorted(cycle, key=lambda ref: position[ref]))
        screen.say(
            screen.shown(f"{numbers} can come by one another: end all of them before any is made anew", "bold red")
        )
    name = found.reach.subject.account.name if found.reach.subject.token is None else str(found.reach.subject.ref)
    screen.say(
        "",
        screen.hints(
            ("tick one off", f"stockade reach {name} --done REF"),
            ("leave one out", f"stockade reach {name} --waive REF --reason TEXT"),
        ),
    )


def _is_open(tick: Tick) -> bool:
    return tick.state.value in {"open", "too early"}


def _row(item: Item, tick: Tick, position: dict[Ref, int]) -> Iterator[RenderableType]:
    yield str(item.position)
    yield _state(tick)
    yield screen.shown(f"{item.target.kind}/{item.target.id}", "bold") + screen.shown(f" {item.name}")
    yield screen.shown(item.verb) + screen.shown(f", by hand: {item.by_hand}" if item.by_hand else "", "yellow")
    yield screen.shown(item.why.partition(";")[0]) + screen.shown(f"; {item.seen}" if item.seen else "", "bold red")
    yield screen.shown(", ".join(item.owners))
    yield _after([position[ref] for ref in item.after if ref in position])


def _state(tick: Tick) -> Text:
    when = f" {_minute(tick.when)}" if tick.when else ""
    who = f" {tick.by}" if tick.by else ""
    why = f": {tick.reason}" if tick.reason and tick.state.value != "open" else ""
    return screen.shown(tick.state.value, STATES[tick.state.value]) + screen.shown(f"{when}{who}{why}", "dim")


def _after(numbers: Sequence[int]) -> str:
    """Numbers as somebody would write them: ``1, 4-17``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _minute(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _as_json(found: Found) -> dict[str, object]:
    whole, kept = found.reach, found.progress
    return {
        "subject": str(whole.subject.ref),
        "account": whole.subject.account.name,
        "blocked": whole.subject.account.blocked,
        "from": whole.window.since,
        "to": whole.window.until,
        "made": [
            {"ref": str(deed.ref), "what": deed.what, "when": deed.when, "entries": deed.entries} for deed in whole.made
        ],
        "mints": [{"what": mint.what, "path": mint.path, "why": mint.why} for mint in whole.mints],
        "access": [{"path": each.path, "can": each.can, "why": each.why} for each in whole.access],
        "secrets": [
            {
                "ref": str(each.ref),
                "kind": each.thing.kind.value,
                "name": each.thing.name,
                "how": each.how.value,
                "why": each.why,
                "fresh": each.fresh,
                "seen": None if each.seen is None else str(each.seen),
            }
            for each in whole.secrets
        ],
        "list": {
            "settled": kept.settled,
            "of": len(kept.items),
            "percent": kept.percent,
            "items": [_item_as_json(item, kept.ticks[item.target]) for item in kept.items],
        },
    }


def _item_as_json(item: Item, tick: Tick) -> dict[str, object]:
    return {
        "position": item.position,
        "ref": str(item.target),
        "name": item.name,
        "do": item.verb,
        "by_hand": item.by_hand,
        "why": item.why,
        "ask": item.owners,
        "after": [str(ref) for ref in item.after],
        "cycle": [str(ref) for ref in item.cycle],
        "seen": item.seen,
        "state": tick.state.value,
        "when": tick.when,
        "by": tick.by,
        "reason": tick.reason,
        "entry": tick.entry,
    }
