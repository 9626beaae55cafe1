"""A drill on a machine: this one on a stage of its own, with traces of an intruder on it, and how well people did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.app.respond.drills import CONFIGURATION, made, stockade_of
from stockade.app.searching import sources
from stockade.errors import ConfigurationError
from stockade.events import Event
from stockade.host.drill.stage import PLANTED, command
from stockade.respond.machine_score import score, traces_of
from stockade.respond.scoring import Score

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

BEGUN: Final = "begun"


def prepare(place: Path) -> Stockade:
    """Make the place of a drill, with a log of its own. Raises ConfigurationError when it is taken, and what ``play``
    raises, before anything is made.
    """
    command(place, [])
    theirs = made(place)
    begun = time.time()
    with theirs.recording() as recording:
        recording.insist(Event(begun, "drill.begin", theirs.actor, details={"machine": True}))
    (place / BEGUN).write_text(str(begun))
    return theirs


def play(place: Path, run: Sequence[str], *, plant: bool = True) -> int:
    """Set the stage and run a command on it; answers its exit code. Raises Refused without root."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    given = {**os.environ, "STOCKADE_CONFIG": str(place.resolve() / CONFIGURATION), "PS1": "drill# ", "PATH": path}
    return subprocess.run(command(place, run, plant=plant), env=given, check=False).returncode


def scored(place: Path) -> Score:
    """How well the drill in a directory went so far. Raises ConfigurationError when there is none."""
    try:
        traces = traces_of(json.loads((place / PLANTED).read_text()))
        begun = float((place / BEGUN).read_text())
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "stockade drill instance PLACE makes one."
        raise ConfigurationError(f"there is no drill on a machine in {place}", remedy=remedy) from error
    theirs = stockade_of(place)
    (log,) = sources([theirs.settings.audit_log()])
    found = score(traces, begun, log.entries(0))
    with theirs.recording() as recording:
        told = {"points": found.points, "missed": len(found.missed), "wrong": len(found.wrong)}
        recording.insist(Event(time.time(), "drill.score", theirs.actor, details=told))
    return found


def is_here(place: Path) -> bool:
    """Whether the drill of this directory is one on a machine."""
    return (place / BEGUN).exists()
