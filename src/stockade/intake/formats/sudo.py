"""What sudo says: who ran what as whom, and who was not allowed to.

The working directory and the command are the user's choice, and either may hold what the other fields look like. The
user stands first and is sudo's own; as whom is believed only when there is one way to read the line.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LINE: Final = re.compile(r"\s*(\S+) : (?:([^;=]{1,200}) ; )?((?:TTY|PWD|USER|GROUP|CHROOT|TSID|ENV)=.*)\Z", re.DOTALL)
FIELD: Final = re.compile(r"(?:^| ; )(TTY|PWD|USER|GROUP|COMMAND)=")


class Command(NamedTuple):
    """What was run, or was not."""

    name: str
    user: str
    target: str | None
    more: dict[str, object]


def command(text: str) -> Command | None:
    """The command that a message tells of; None when it is about none."""
    found = LINE.match(text)
    if found is None:
        return None
    places = list(FIELD.finditer(found[3]))
    ends = [place.start() for place in places[1:]] + [len(found[3])]
    fields = {place[1]: found[3][place.end() : end].strip() for place, end in zip(places, ends, strict=True)}
    certain = len(places) == len(fields)
    more: dict[str, object] = {"reason": found[2]} if found[2] else {}
    if certain:
        more |= {name.lower(): fields[name] for name in ("COMMAND", "PWD", "TTY", "GROUP") if name in fields}
    target = fields.get("USER") if certain else None
    return Command("sudo: refused" if found[2] else "sudo: command", found[1], target, more)
