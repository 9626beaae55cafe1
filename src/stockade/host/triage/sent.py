"""What a look tells as lines of JSON, from a machine where nothing is installed; and what runs there."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from stockade.events import Ref
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.familiar import Kinds
from stockade.host.triage.looking import Machine, Progress, Told
from stockade.host.triage.report import WORST_FIRST

LONGEST: Final = 1 << 18
"""Characters of a line that are read."""
DOUBTS: Final = 20
"""Lines that are not understood, after which nothing more is read."""
MOST: Final = 1 << 40
"""The highest number that a progress can have."""
END: Final = {"is": "end"}
"""The last line: what ends without it was cut off."""
TEXTS: Final = ("signal", "title", "why", "look", "harmless")


def written(told: Told) -> str:
    """A line, ASCII only."""
    kind = type(told).__name__.lower()
    fields = asdict(told) | ({"subject": str(told.subject)} if isinstance(told, Oddity) else {})
    return json.dumps({"is": kind, **fields}, default=str)


def read(host: str, lines: Iterable[str]) -> Iterator[Told]:
    """What lines say of a machine called ``host``. That machine may be an intruder's: whatever a line claims, it is
    about that machine, and what is no such line is told as not understood.
    """
    doubts, whole = 0, True
    for line in lines:
        try:
            said = json.loads(line[:LONGEST])
            whole = said == END
            if not whole:
                yield _read(host, said)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            yield Unseen("its answer", f"a line is not understood: {line[:80]!r}", "Look there yourself.")
            doubts += 1
        if doubts == DOUBTS:
            break
    if not whole:
        yield Unseen("the rest of its answer", "it ends in the middle", "Look there yourself.")


def _read(host: str, said: Mapping[str, Any]) -> Told:
    if said["is"] == "progress":
        return Progress(str(said["what"]), *(_count(said[name]) for name in ("done", "of", "look", "looks")))
    if said["is"] == "unseen":
        return Unseen(*(str(said[name]) for name in ("what", "why", "remedy")))
    if said["is"] != "oddity" or said["severity"] not in WORST_FIRST:
        raise ValueError("no word of ours")
    subject, texts = Ref.parse(said["subject"]), {name: str(said[name]) for name in TEXTS}
    techniques, facts = tuple(map(str, said["techniques"])), dict(said["facts"])
    about = Ref(host, subject.kind, subject.id)
    return Oddity(severity=said["severity"], subject=about, techniques=techniques, facts=facts, **texts)


def _count(said: object) -> int:
    if not isinstance(said, int) or not 0 <= said <= MOST:
        raise ValueError("no number of ours")
    return said


def main(request: str) -> None:
    """Look at the machine that this runs on, or take its picture, and tell that on standard output.

    ``request`` is a JSON object: the ``name`` that the machine goes by, whether to be ``thorough`` or that the
    ``picture`` is to be taken, and the seconds of ``patience`` after which nobody waits any more and it ends, whatever
    it hangs on.
    """
    asked = json.loads(request)
    signal.alarm(int(asked.get("patience", 0)))
    name = asked.get("name") or os.uname().nodename
    machine = Machine(Path("/"), name, time.time(), asked.get("thorough", True))
    for line in _picture(machine) if asked.get("picture") else _look(machine):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _look(machine: Machine) -> Iterator[str]:
    from stockade.host.picture import parsed
    from stockade.host.triage.everything import triage

    kinds: Kinds | None = None
    with suppress(OSError, AttributeError):  # AttributeError: it was not sent as one file
        kinds = parsed(__loader__.get_data(f"{__loader__.archive}/picture.json")).kinds  # type: ignore[name-defined]
    yield from map(written, triage(machine, picture=kinds))
    yield json.dumps(END)


def _picture(machine: Machine) -> Iterator[str]:
    from stockade.host import baseline, pictured

    picture, unseen = baseline.taken(machine)
    yield from map(written, unseen)
    yield from pictured.written(picture)
