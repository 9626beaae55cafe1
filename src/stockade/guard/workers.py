"""How many processes serve this application, as far as they can be seen; and a warning when each counts for itself."""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore

SERVERS: Final = {"gunicorn", "uvicorn", "hypercorn", "granian", "fastapi", "uwsgi"}
OPTION: Final = re.compile(r"(?:-w|-p|--workers|--processes)[ =]?(\d+)(?= |\Z)")
log = logging.getLogger("stockade")


def workers(environ: Mapping[str, str] = os.environ, argv: Sequence[str] | None = None) -> int:
    """How many processes the environment (``WEB_CONCURRENCY``, ``GUNICORN_CMD_ARGS``) and the server's command line
    ask for; 1 when they say nothing.
    """
    argv = sys.argv if argv is None else argv
    served = bool(argv) and not SERVERS.isdisjoint(Path(argv[0]).parts)
    said = [*argv[1:]] if served else []
    said += shlex.split(environ.get("GUNICORN_CMD_ARGS", ""))
    asked = [environ.get("WEB_CONCURRENCY", ""), *OPTION.findall(" ".join(said))]
    return max([1, *(int(number) for number in asked if number.isdecimal())])


def alone(guard: Guard, processes: int) -> str:
    """What is wrong with that many processes before this guard's store, and what to do; nothing when all is well."""
    if processes < 2 or not isinstance(guard.store, MemoryStore):
        return ""
    return (
        f"{processes} processes each count in a memory of their own, so every limit is up to {processes} times what "
        'it says. Give the guard a store that they share, such as store=SharedStore("/run/stockade/guard").'
    )


def warn_if_alone(guard: Guard, at_least: int = 1) -> None:
    """Say so in the log of this process; ``at_least`` is how many processes there are known to be."""
    said = alone(guard, max(at_least, workers()))
    if said:
        log.warning("%s", said)
