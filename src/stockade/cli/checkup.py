"""A check-up: configuration, store, processes, proxies, and what each rule really admits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.app.checks import Found

MARKS = {"good": ("✔", "green"), "warning": ("▲", "yellow"), "problem": ("✘", "bold red")}


def check(*, config: Config = None, json: Json = False) -> None:
    """Look whether all is well: configuration, store, workers, proxies, worst cases. Exit code 1 when it is not."""
    found = stockade(config).check()
    if json:
        screen.say_json(found)
    else:
        _show(found)
    if any(each.grade == "problem" for each in found):
        raise typer.Exit(Exit.FOUND)


def _show(found: list[Found]) -> None:
    listed = screen.pairs([])
    listed.show_header = False
    listed.add_column(overflow="fold")
    for each in found:
        mark, style = MARKS[each.grade]
        said = screen.shown(each.says, "" if each.grade == "good" else "bold")
        listed.add_row(screen.shown(mark, style), screen.shown(each.what, "dim"), said)
        if each.remedy:
            listed.add_row("", "", screen.shown(each.remedy))
    screen.say(listed, "")
    problems = sum(each.grade == "problem" for each in found)
    warnings = sum(each.grade == "warning" for each in found)
    if problems or warnings:
        counts = [screen.plural(problems, "problem")] * bool(problems) + [screen.plural(warnings, "warning")] * bool(
            warnings
        )
        screen.say(screen.shown(", ".join(counts), "bold"))
    else:
        screen.say(screen.shown("all is well", "green"))
