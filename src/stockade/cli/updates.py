"""What is out of date on this machine: what intruders use of it first, and what to type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from stockade.app.host.updates import Looked
    from stockade.host.triage.seen import Facts
    from stockade.host.updates.behind import Behind
    from stockade.host.updates.planning import Step

updates = typer.Typer(help="What is out of date on this machine, what intruders use of it, and what mends it.")

FEW: Final = 12
STYLES: Final = {"exploited": "bold red", "security": "yellow", "end of life": "yellow", "behind": "dim"}


@updates.callback(invoke_without_command=True)
def _list_unless_told(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@updates.command("list")
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show all, what is merely behind too.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """List what is out of date, what is exploited first.

    Packages of the distribution are judged by the distribution's own word, everything else by its makers' releases.
    Nothing is fetched. Exit code 1 when something is exploited, or mended by a security release.
    """
    from stockade.app.host.updates import look

    with _asking():
        found = look(stockade(config), _here())
    if json:
        screen.say_json(_as_json(found))
    else:
        _show(found, everything=everything)
        screen.say("", screen.hints(("in which order", "stockade updates plan")))
    if any(each.why in {"exploited", "security"} for each in found.judged.behind):
        raise typer.Exit(Exit.FOUND)


@updates.command()
def plan(*, config: Config = None, json: Json = False) -> None:
    """Plan the updates: what is exploited first, each with a day and what to type; it is on record.

    Nothing is updated.
    """
    from stockade.app.host.updates import plan as made

    with _asking():
        found, steps = made(stockade(config), _here())
    if json:
        return screen.say_json({**_as_json(found), "steps": [_step(each) for each in steps]})
    _show_plan(steps)
    return _show_unseen(found)


@updates.command()
def remind(*, config: Config = None, json: Json = False) -> None:
    """Remind of each release that mends something here, once, and record it with a finding: for a timer.

    `stockade serve` does so by itself where the configuration has a table [updates]. Exit code 1 when there was one.
    """
    from stockade.app.host.reminding import remind as reminded

    told = reminded(stockade(config), _here())
    if json:
        screen.say_json([_behind(each) for each in told])
    elif told:
        screen.say(_table(told))
    else:
        screen.say("nothing that you were not reminded of before")
    if told:
        raise typer.Exit(Exit.FOUND)


@updates.command()
def refresh(
    *,
    origins: Annotated[
        list[str],
        typer.Option("--from", metavar="WHERE", help="A file, a folder or an https URL; as often as you like."),
    ] = [],  # noqa: B006  Typer copies it
    config: Config = None,
    json: Json = False,
) -> None:
    """Read release data anew: CISA's catalogue, endoflife.date's, Debian's security tracker, each as JSON.

    What is needed of it is kept in the state directory, with its date and digest. Without --from, what the
    configuration has under [updates].
    """
    from stockade.app.host.updates import refresh as read

    asked = stockade(config)
    sources = read(asked, tuple(origins))
    if json:
        return screen.say_json(sources)
    made = screen.table("what", "of", "SHA-256", "from")
    for each in sources:
        dated = screen.shown(screen.clock_time(each.dated, asked.clock()))
        made.add_row(screen.shown(each.name), dated, screen.shown(each.digest[:16]), screen.shown(each.origin))
    return screen.say(made)


@contextmanager
def _asking() -> Iterator[None]:
    """Says what it waits for, on standard error, where somebody looks at it."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield
        return
    with out.status("asking what is installed, and apt what it has at hand"):
        yield


def _here() -> Facts:
    from stockade.app.host.hosts import this_machine
    from stockade.host.triage.seen import Facts

    return Facts(this_machine(thorough=True))


# ── screens ──────────────────────────────────────────────────────────────────────────────────────


def _show(found: Looked, *, everything: bool) -> None:
    from stockade.host.updates.behind import Why

    counts = [f"{len(found.judged.of(why))} {why}" for why in Why if found.judged.of(why)]
    screen.say(screen.shown(", ".join(counts) or "nothing is out of date, as far as can be told", "bold"))
    for why in Why:
        those, few = found.judged.of(why), FEW if why is not Why.OLD else 0
        if shown := those if everything else those[:few]:
            screen.say("", _table(shown))
        if rest := those[len(shown) :]:
            names = ", ".join(each.name for each in rest[:FEW]) + (" …" if len(rest) > FEW else "")
            screen.say(
                "", screen.shown(f"{len(rest)} {'more ' if shown else ''}{why} (--all shows them): {names}", "dim")
            )
    if found.restarts:
        screen.heading("to start anew")
        screen.say(screen.pairs((each.name, screen.shown(f"{each.package} was updated")) for each in found.restarts))
    _show_unseen(found)


def _table(those: Sequence[Behind]) -> Any:
    made = screen.table(str(those[0].why), "has", "mended by", "")
    for each in those:
        cells = [screen.shown(each.name, STYLES[each.why]), screen.shown(each.installed)]
        made.add_row(*cells, screen.shown(each.mends or "–"), _said(each))
    return made


def _said(found: Behind) -> Text:
    attacks = ", ".join(each.cve for each in found.exploited)
    said = f"intruders use {attacks}: {found.says}" if attacks and found.kind == "package" else found.says
    heard = {True: "; others can reach it", False: "; nothing of it listens", None: ""}[found.reachable]
    loud = heard if found.exploited else ""
    return screen.shown(f"{said}{loud}") + screen.shown(f" ({found.doubt})" if found.doubt else "", "dim")


def _show_plan(steps: Sequence[Step]) -> None:
    if not steps:
        return screen.say("nothing to do, as far as can be told")
    made = screen.table("", "by", "do", "type")
    for number, each in enumerate(steps, start=1):
        style = STYLES.get(str(each.why), "")
        cells = [screen.shown(number), screen.shown(each.by), screen.shown(each.what, style)]
        made.add_row(*cells, screen.shown(each.command, "cyan"))
    return screen.say(made)


def _show_unseen(found: Looked) -> None:
    from stockade.cli.triage import show_unseen

    show_unseen(found.judged.unseen)


def _as_json(found: Looked) -> dict[str, object]:
    return {
        "host": found.host,
        "behind": [_behind(each) for each in found.judged.behind],
        "restarts": [asdict(each) for each in found.restarts],
        "unseen": [asdict(each) for each in found.judged.unseen],
        "sources": [asdict(each) for each in found.sources],
    }


def _behind(found: Behind) -> dict[str, object]:
    return {**asdict(found), "exploited": [each.cve for each in found.exploited]}


def _step(step: Step) -> dict[str, object]:
    return asdict(step)
