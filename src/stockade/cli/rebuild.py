"""Rebuild a machine: choose a backup from before the intruder, and go through the list until the gate opens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.gating import Override, end_waiting
from stockade.cli.options import Config, Json, Reason, stockade

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.app.respond.rebuilding import Drawn, Rebuilding
    from stockade.respond.checklist import Rebuild
    from stockade.respond.gate import Box
    from stockade.respond.rebuild import Entered

rebuild = typer.Typer(
    help="Come back clean: a backup from before the intruder, a new machine, and a gate.", no_args_is_help=True
)

LINES: Final = 15
VERDICTS: Final = {"clean": "green", "tainted": "bold red", "unknown": "yellow"}
Machine = Annotated[str, typer.Option("--machine", metavar="HOST", help="Which machine; this one if none.")]


Places = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PLACE",
        help="Backups, lists or folders of them, a repository of borg or restic (borg:LOCATION); may be repeated.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--first-evil", "--since", metavar="TIME", help="When the intruder came; the incident's, if none."),
]
Indicators = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND:VALUE", help="A trace: path:/…, sha256:…, account:NAME, key:AAAA…; may be repeated."),
]
Known = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Digests of the machine when it was known to be good.")
]


@rebuild.command()
def plan(
    *,
    backups: Places = None,
    since: Since = None,
    indicator: Indicators = None,
    baseline: Known = None,
    every: Annotated[bool, typer.Option("--every", help="Open every backup from before, and not only some.")] = False,
    incident: Annotated[str, typer.Option(metavar="NAME", help="The incident; the only open one, if none.")] = "",
    machine: Machine = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Judge backups, choose the newest clean one, and list what came after it. Without backups: from scratch.

    Few of them are opened: the border between clean and tainted is sought by halves.
    """
    from stockade.app.respond.rebuilding import rebuilding

    with rebuilding(stockade(config), machine) as question:
        drawn = question.draw(
            backups or [],
            incident=incident,
            first=_moment(since),
            indicators=indicator or (),
            baseline=baseline,
            every=every,
            ask=_passphrase if sys.stdin.isatty() else None,
        )
        if json:
            return screen.say_json(_drawn_as_json(drawn))
        _show_drawn(drawn)
        return _show_list(question)


@rebuild.command()
def show(*, machine: Machine = "", config: Config = None, json: Json = False) -> None:
    """The list: what is done, what is not, and what to type."""
    from stockade.app.respond.rebuilding import rebuilding

    with rebuilding(stockade(config), machine) as question:
        if not json:
            return _show_list(question)
        state = question.state()
        return screen.say_json(
            {"machine": state.machine.id, "backup": state.chosen, "after": state.after, "released": state.released,
             "plan": dict(state.details), "lines": question.boxes(state)}
        )  # fmt: skip


@rebuild.command()
def done(
    line: Annotated[str, typer.Argument(help="A line of the list: restored, patched, entered, …")],
    *,
    on: Annotated[str, typer.Option(metavar="HOST", help="The new machine.")] = "",
    reason: Reason = "",
    machine: Machine = "",
    config: Config = None,
) -> None:
    """Say that a line is done. Lines are done in their order."""
    from stockade.app.respond.rebuilding import rebuilding

    with rebuilding(stockade(config), machine) as question:
        question.done(line, on=on, reason=reason)
        _show_list(question)


@rebuild.command()
def waive(
    line: Annotated[str, typer.Argument(help="A line of the list.")],
    *,
    reason: Reason = "",
    machine: Machine = "",
    config: Config = None,
) -> None:
    """Say that a line need not be, and why."""
    from stockade.app.respond.rebuilding import rebuilding

    with rebuilding(stockade(config), machine) as question:
        question.waive(line, reason)
        _show_list(question)


@rebuild.command()
def serve(
    *,
    override: Override = False,
    reason: Reason = "",
    machine: Machine = "",
    config: Config = None,
) -> None:
    """Put the machine back in service: through the gate, when every line is good or waived."""
    from stockade.app.respond.rebuilding import GateClosed, rebuilding

    with rebuilding(stockade(config), machine) as question:
        try:
            missing = question.serve(reason, override=override)
        except GateClosed as closed:
            _show_boxes(closed.boxes)
            raise
    end_waiting(missing, "rebuild serve")
    screen.say(screen.shown("back in service", "green"))


@rebuild.command()
def manifest(
    folder: Annotated[Path, typer.Argument(help="The root of a machine, or a backup of it.")],
    *,
    name: Annotated[str, typer.Option(help="What to call it; the folder's name, if none.")] = "",
) -> None:
    """Print the list of a folder's files with their digests: keep it with a backup, or as a baseline."""
    from stockade.host.backups.listed import Backup, footer, header, line_of
    from stockade.host.backups.reading import contents

    sys.stdout.write(header(name or folder.resolve().name or os.uname().nodename, time.time()))
    found = contents(Backup(folder.name, str(folder), None, "folder"), lambda _path: True)
    sys.stdout.write(footer(sum(sys.stdout.write(line_of(each)) > 0 for each in found)))


def _passphrase(place: str) -> str:
    return str(typer.prompt(f"passphrase of {screen.safe(place)}", hide_input=True, err=True))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    from stockade.cli.zone import local
    from stockade.errors import ConfigurationError
    from stockade.search.moments import moment

    try:
        return moment(text, time.time(), local()).timestamp()
    except ValueError as error:
        raise ConfigurationError(
            f"{text[:40]!r} is no moment", remedy="Write 3h, yesterday or 2026-11-24T09:30Z."
        ) from error


# ── shown ────────────────────────────────────────────────────────────────────────────────────────


def _show_drawn(drawn: Drawn) -> None:
    if drawn.judged:
        table = screen.table("backup", "taken", "verdict", "why")
        for each in drawn.judged:
            files = "".join(f"\n{screen.safe(path)}" for path in each.files[:3])
            table.add_row(
                screen.shown(each.backup.name, "bold" if each == drawn.chosen else ""),
                _day(each.backup.taken),
                screen.shown(each.verdict.value, VERDICTS[each.verdict.value]),
                screen.shown(each.why, "" if each.opened else "dim").append(files, "dim"),
            )
        screen.say(table)
    after, before = drawn.between
    if drawn.chosen is None:
        screen.say("", screen.shown("no clean backup: build from scratch, and bring data alone over", "bold red"))
        if drawn.doubted:
            name, why = drawn.doubted.backup.name, drawn.doubted.why
            screen.say(screen.shown(f"unless you can answer the doubt about {name}: {why}", "yellow"))
    else:
        screen.say("", screen.shown("restore from ") + screen.shown(drawn.chosen.backup.name, "bold green"))
    ends = [f"after {_day(after)}"] if after is not None else []
    ends += [f"not after {_day(before)}"] if before is not None else []
    if ends:
        screen.say(screen.shown(f"the intruder came {' and '.join(ends)}", "dim"))
    _show_entered(drawn.entered)


def _show_entered(found: Sequence[Entered]) -> None:
    ours, theirs = [each for each in found if not each.theirs], [each for each in found if each.theirs]
    screen.heading(f"came after it, to be entered again: {len(ours)}")
    screen.say(screen.pairs((each.sort, _entered(each)) for each in ours[:LINES]))
    if len(ours) > LINES:
        screen.say(screen.shown(f"and {len(ours) - LINES} more: --json", "yellow"))
    if theirs:
        screen.say(screen.shown(f"{len(theirs)} are by those it is about: not entered again unread", "bold red"))


def _entered(each: Entered) -> Text:
    said = f"  {screen.plural(each.times, 'time')}, last {_day(each.last)} by {each.by or 'nobody known'}  {each.entry}"
    return screen.shown(f"{each.target.kind}/{each.target.id}", "bold") + screen.shown(said)


def _show_list(question: Rebuilding) -> None:
    state = question.state()
    screen.heading(f"{state.machine.id}: " + ("back in service" if state.released else "not in service"))
    found = question.boxes(state)
    _show_boxes(found)
    first = next((box for box in found if box.open), None)
    back = ("put it back in service", f"stockade rebuild serve --machine {state.machine.id}")
    told = back if first is None else ("next", _next(first.name, state))
    if state.released is None:
        screen.say("", screen.hints(told))


def _next(name: str, state: Rebuild) -> str:
    from stockade.respond.checklist import TASKS

    return next((task.typed(state) for task in TASKS if task.name == name), "stockade audit sinks")


def _show_boxes(found: Sequence[Box]) -> None:
    table = screen.table("", "line", "", "how it stands")
    for number, box in enumerate(found, 1):
        state = "waived" if box.waived else "good" if box.good else "open"
        style = {"waived": "dim", "good": "green", "open": "bold red"}[state]
        table.add_row(
            str(number),
            screen.shown(box.name, "bold") + screen.shown(f"  {box.title}"),
            screen.shown(state, style),
            screen.shown(box.waived or box.says, "" if box.open else "dim"),
        )
    screen.say(table)


def _day(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _drawn_as_json(drawn: Drawn) -> dict[str, object]:
    return {
        "backup": drawn.chosen.backup.name if drawn.chosen else None,
        "place": drawn.chosen.backup.place if drawn.chosen else None,
        "taken": drawn.chosen.backup.taken if drawn.chosen else None,
        "after": drawn.between[0],
        "not_after": drawn.between[1],
        "indicators": [str(each) for each in drawn.evil.indicators],
        "backups": [
            {"name": each.backup.name, "place": each.backup.place, "taken": each.backup.taken,
             "verdict": each.verdict.value, "why": each.why, "files": each.files, "opened": each.opened}
            for each in drawn.judged
        ],
        "entered": [
            {"sort": each.sort, "what": str(each.target), "by": each.by, "last": each.last, "times": each.times,
             "theirs": each.theirs, "entry": each.entry}
            for each in drawn.entered
        ],
    }  # fmt: skip
