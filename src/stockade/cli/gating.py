"""The gate before the network of a machine under a response is opened again."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit

if TYPE_CHECKING:
    from stockade.app import Stockade


def through_the_gate(ours: Stockade, reason: str, *, override: bool) -> None:
    """Go on only where the network may be opened; where nobody keeps a log, nobody has planned anything. Raises
    GateClosed.
    """
    from stockade.app.recording import there_is_one
    from stockade.app.respond.responding import GateClosed
    from stockade.cli.planned import show_boxes

    if not there_is_one(ours.settings):
        return
    with ours.responding() as response:
        try:
            passed = response.reopen(socket.gethostname() or "localhost", reason, override=override)
        except GateClosed as closed:
            show_boxes(closed.boxes)
            raise
    if passed.waits_for:
        more = screen.plural(passed.waits_for, "more person", "more people")
        screen.say(screen.shown(f"recorded; {more} must answer for it", "yellow"))
        raise typer.Exit(Exit.FOUND)
