"""Syslog, however it was wrapped: RFC 5424, RFC 3164 with its priority or without, and with ISO 8601 times.

What a program says within it is read by :mod:`stockade.intake.formats.unix`, or by the reader of another format for
programs that are named so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stockade.intake.formats.unix import Unix
from stockade.intake.taken import Read, Taken
from stockade.lines.stamps import Dating
from stockade.lines.syslog import envelope


def syslog_line(dating: Dating, speakers: Mapping[str, Read] | None = None) -> Read:
    """A line of auth.log and its like, or one message as it was received."""
    unwrapped, unix = envelope(dating), Unix()

    def read(text: str) -> Sequence[Taken]:
        if not text.strip():
            return ()
        message = unwrapped(text)
        speaker = speakers.get(message.program) if speakers else None
        return speaker(message.text.strip()) if speaker else unix.read(message)

    return read
