"""The journal of systemd, as ``journalctl -o json`` exports it: an object a line, with a cursor as its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stockade.intake.formats.unix import Unix
from stockade.intake.taken import Read, Taken
from stockade.lines.stamps import Dating
from stockade.lines.syslog import journal


def journald(_dating: Dating, speakers: Mapping[str, Read] | None = None) -> Read:
    """An object of the journal. A message that is not text stands there as a list of octets."""
    unix = Unix()

    def read(text: str) -> Sequence[Taken]:
        if not text.strip():
            return ()
        message, cursor = journal(text)
        speaker = speakers.get(message.program) if speakers else None
        found = speaker(message.text) if speaker else unix.read(message)
        return [each._replace(id=f"{cursor}/{at}" if at else cursor) for at, each in enumerate(found)]

    return read
