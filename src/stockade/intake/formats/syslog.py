"""Syslog, however it was wrapped: RFC 5424, RFC 3164 with its priority or without, and with ISO 8601 times.

The envelope is taken off here; what a program says within it is read by :mod:`stockade.intake.formats.unix`, or by the
reader of another format for programs that are named so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stockade.intake.formats.unix import Message, Unix
from stockade.intake.stamps import Dating, syslog
from stockade.intake.taken import Read, Taken, Unreadable

PRIORITY: Final = re.compile(r"<(\d{1,3})>")
MODERN: Final = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ", re.ASCII)
CLASSIC: Final = re.compile(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{1,32}) (\S{1,255}) ")
TAG: Final = re.compile(r"([^\s\[\]:]{1,128})(?:\[(\d{1,10})\])?: ?")
DATA: Final = re.compile(r'(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*")*\])+', re.DOTALL)
BOM: Final = "\ufeff"


def syslog_line(dating: Dating, speakers: Mapping[str, Read] | None = None) -> Read:
    """A line of auth.log and its like, or one message as it was received."""
    time_of, unix = syslog(dating), Unix()

    def read(text: str) -> Sequence[Taken]:
        if not text.strip():
            return ()
        message = _unwrapped(text, time_of, dating)
        speaker = speakers.get(message.program) if speakers else None
        return speaker(message.text.strip()) if speaker else unix.read(message)

    return read


def _unwrapped(text: str, time_of: Callable[[str], float], dating: Dating) -> Message:
    priority = PRIORITY.match(text)
    at = priority.end() if priority else 0
    level = int(priority[1]) if priority and int(priority[1]) < 192 else -1
    if modern := MODERN.match(text, at):
        return _modern(text, modern, level, time_of, dating)
    classic = CLASSIC.match(text, at)
    if classic is None:
        raise Unreadable("not a line of syslog: no time and host at its beginning")
    tag = TAG.match(text, classic.end())
    program, process = (tag[1], tag[2] or "") if tag else ("", "")
    said = text[tag.end() if tag else classic.end() :]
    return Message(time_of(classic[1]), classic[2], program, process, said.rstrip("\r\n"), level)


def _modern(text: str, found: re.Match[str], level: int, time_of: Callable[[str], float], dating: Dating) -> Message:
    """RFC 5424, section 6; a field that is not known is ``-``."""
    stamp, host, program, process, kind = ("" if each == "-" else each for each in found.groups())
    rest = text[found.end() :]
    if rest.startswith("["):
        data = DATA.match(rest)
        if data is None:
            raise Unreadable("structured data that does not end")
        structured, said = data[0], rest[data.end() :]
    elif rest[:1] == "-":
        structured, said = "", rest[1:]
    else:
        raise Unreadable("no structured data, not even -")
    time = time_of(stamp) if stamp else dating.now()
    text_ = said.lstrip(" ").removeprefix(BOM).rstrip("\r\n")  # rsyslog keeps the space after a tag, too
    return Message(time, host, program, process, text_, level, kind, structured)
