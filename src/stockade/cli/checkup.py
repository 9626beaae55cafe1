"""A check-up: configuration, store, processes, proxies, and what each rule really admits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from stockade.app.checks import Found

RULES = ("limit ", "ban ")
MARKS = {"good": ("✔", "green"), "warning": ("▲", "yellow"), "problem": ("✘", "bold red")}


def check(*, config: Config = None, json: Json = False) -> None:
    """Look whether all is well, and what each rule really admits.

    Configuration, store, workers, proxies, security.txt. Exit code 1 when there is a problem.
    """
    found = stockade(config).check()
    if json:
        screen.say_json(found)
    else:
        _show(found)
    if any(each.grade == "problem" for each in found):
        raise typer.Exit(Exit.FOUND)


def _show(found: list[Found]) -> None:
    screen.say(_table([each for each in found if not each.what.startswith(RULES)]))
    rules = [each for each in found if each.what.startswith(RULES)]
    if rules:
        screen.heading("what the rules admit at most")
        screen.say(screen.pairs((each.what, screen.shown(each.says.removeprefix("at most "))) for each in rules))
    screen.say("", _sum(found))


def _table(found: list[Found]) -> Table:
    listed = screen.pairs([])
    listed.add_column(overflow="fold")
    for each in found:
        mark, style = MARKS[each.grade]
        said = screen.shown(each.says, "" if each.grade == "good" else "bold")
        listed.add_row(screen.shown(mark, style), screen.shown(each.what, "dim"), said)
        if each.remedy:
            listed.add_row("", "", screen.shown(each.remedy))
    return listed


def _sum(found: list[Found]) -> Text:
    problems = sum(each.grade == "problem" for each in found)
    warnings = sum(each.grade == "warning" for each in found)
    counts = [screen.plural(problems, "problem")] * bool(problems) + [screen.plural(warnings, "warning")] * bool(
        warnings
    )
    return screen.shown(", ".join(counts), "bold") if counts else screen.shown("all is well", "green")
