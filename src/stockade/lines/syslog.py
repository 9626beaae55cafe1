"""Syslog without its envelope: RFC 5424, RFC 3164 with its priority or without, with ISO 8601 times, and the journal.

What a program says within it is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Dating, sane, syslog

PRIORITY: Final = re.compile(r"<(\d{1,3})>")
MODERN: Final = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ", re.ASCII)
CLASSIC: Final = re.compile(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{1,32}) (\S{1,255}) ")
TAG: Final = re.compile(r"([^\s\[\]:]{1,128})(?:\[(\d{1,10})\])?: ?")
DATA: Final = re.compile(r'(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*")*\])+', re.DOTALL)
REPEATED: Final = re.compile(r"message repeated (\d{1,6}) times: \[ (.*)\]\Z", re.DOTALL)
"""How rsyslog writes a message that came several times."""
BOM: Final = "\ufeff"


class Message(NamedTuple):
    """One message of a program: when, on which host, and what. ``level`` is the priority of syslog, -1 if unknown."""

    time: float
    host: str
    program: str
    process: str
    text: str
    level: int = -1
    kind: str = ""
    structured: str = ""


def envelope(dating: Dating) -> Callable[[str], Message]:
    """What takes the envelope off a line of auth.log and its like, or off a message as it was received.

    It raises Unreadable.
    """
    time_of = syslog(dating)

    def message(text: str) -> Message:
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

    return message


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


def journal(text: str) -> tuple[Message, str]:
    """One object of ``journalctl -o json``: the message, and its cursor. Raises Unreadable."""
    entry = json_object(text)
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))[:32]
    time = sane(lambda digits: int(digits) / 1e6, stamp)
    program = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""
    process = entry.get("_PID") or entry.get("SYSLOG_PID") or ""
    priority = str(entry.get("PRIORITY", ""))
    level = int(priority) if priority in set("01234567") else -1
    host, cursor = str(entry.get("_HOSTNAME", ""))[:255], str(entry.get("__CURSOR") or "")[:256]
    return Message(time, host, str(program)[:128], str(process)[:10], _said(entry), level), cursor


def _said(entry: Mapping[str, Any]) -> str:
    """A message that is not text stands there as a list of octets."""
    said = entry.get("MESSAGE")
    try:
        return bytes(said).decode("utf-8", "backslashreplace") if isinstance(said, list) else str(said or "")
    except (TypeError, ValueError) as error:
        raise Unreadable("a message that is neither text nor octets") from error
