"""The gate on the screen: what stands in the way, and how many more people have to answer for passing it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit

if TYPE_CHECKING:
    from stockade.app import Stockade

Override = Annotated[
    bool, typer.Option("--override", help="Answer for it past the gate; two people must, each with a reason.")
]


@contextmanager
def at_the_gate(*, json: bool = False) -> Iterator[None]:
    """Shows what stands in the way before GateClosed is told."""
    from stockade.app.respond.responding import GateClosed
    from stockade.cli.planned import boxes_as_json, show_boxes

    try:
        yield
    except GateClosed as closed:
        if json:
            screen.say_json({"open": False, "boxes": boxes_as_json(closed.boxes)})
        else:
            show_boxes(closed.boxes)
        raise


def end_waiting(people: int, command: str, *, json: bool = False) -> None:
    """Say that somebody's word is recorded and that so many more people have to give theirs by the same command, and
    end there.
    """
    if people and not json:
        more = screen.plural(people, "more person has", "more people have")
        screen.say(screen.shown(f"recorded; {more} to answer for it", "yellow"))
        screen.say(screen.hints(("somebody else types", f"stockade {command} --override --reason TEXT")))
    if people:
        raise typer.Exit(Exit.FOUND)


def through_the_gate(ours: Stockade, reason: str, *, override: bool) -> None:
    """Go on only where the network may be opened; where nobody keeps a log, nobody has planned anything. Raises
    GateClosed.
    """
    from stockade.app.recording import there_is_one

    if not there_is_one(ours.settings):
        return
    with ours.responding() as response, at_the_gate():
        passed = response.reopen(socket.gethostname() or "localhost", reason, override=override)
    end_waiting(passed.waits_for, "host lift")
