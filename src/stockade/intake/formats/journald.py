"""The journal of systemd, as ``journalctl -o json`` exports it: an object a line, with a cursor as its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stockade.intake.formats.unix import Message, Unix
from stockade.intake.stamps import Dating, sane
from stockade.intake.taken import Read, Taken, Unreadable, json_object


def journald(_dating: Dating, speakers: Mapping[str, Read] | None = None) -> Read:
    """An object of the journal. A message that is not text stands there as a list of octets."""
    unix = Unix()

    def read(text: str) -> Sequence[Taken]:
        if not text.strip():
            return ()
        entry = json_object(text)
        message, cursor = _message(entry), str(entry.get("__CURSOR") or "")[:256]
        speaker = speakers.get(message.program) if speakers else None
        found = speaker(message.text) if speaker else unix.read(message)
        return [each._replace(id=f"{cursor}/{at}" if at else cursor) for at, each in enumerate(found)]

    return read


def _message(entry: Mapping[str, Any]) -> Message:
    said = entry.get("MESSAGE")
    try:
        text = bytes(said).decode("utf-8", "backslashreplace") if isinstance(said, list) else str(said or "")
    except (TypeError, ValueError) as error:
        raise Unreadable("a message that is neither text nor octets") from error
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))[:32]
    time = sane(lambda digits: int(digits) / 1e6, stamp)
    program = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""
    process = entry.get("_PID") or entry.get("SYSLOG_PID") or ""
    priority = str(entry.get("PRIORITY", ""))
    level = int(priority) if priority in set("01234567") else -1
    return Message(time, str(entry.get("_HOSTNAME", ""))[:255], str(program)[:128], str(process)[:10], text, level)
