"""The security log: JSON lines, GitLab's field names where GitLab has them, appended to by any number of processes."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from stockade.events import Event

MESSAGE: Final = "Rack_Attack"
ENVIRONMENTS: Final[Mapping[str, str]] = {
    "guard.throttle": "throttle",
    "guard.blocklist": "blocklist",
    "guard.banned": "blocklist",
    "guard.strike": "blocklist",
    "guard.ban": "blocklist",
    "guard.unban": "blocklist",
    "guard.ban.refused": "track",
    "guard.track": "track",
    "guard.safelist": "safelist",
}
"""Which of Rack::Attack's kinds of match an action is."""

MESSAGES: Final[Mapping[str, str]] = {
    "guard.ban": "Rack_Attack: too many failures, the client is banned.",
    "guard.unban": "Rack_Attack: the bans of the client are lifted.",
    "guard.ban.refused": "Rack_Attack: the client would be banned, but is one that can never be.",
    "guard.rule.failed": "Stockade: a rule has failed; it lets nobody pass that it lists, and counts nobody.",
    "guard.store.down": "Stockade: the store cannot be asked; requests pass or are refused, as rules say.",
    "guard.store.up": "Stockade: the store answers again.",
    "guard.proxy.undeclared": "Stockade: a proxy in front is not declared; nobody behind it can be banned.",
    "guard.proxy.rewritten": "Stockade: the server in front has rewritten the client's address; switch that off.",
    "configuration.refused": "Stockade: the new configuration is wrong; the former one stays in force.",
    "configuration.change": "Stockade: the configuration has changed.",
}
RENAMED: Final = {"rule": "matched", "method": "request_method"}
MAX_TEXT: Final = 2000
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether the file was renamed, or has grown too large."""

_complaints = logging.getLogger("stockade.securitylog")


def line_of(event: Event) -> bytes:
    """One event as a line of JSON, newline included; every text in it is bounded, and no control character survives."""
    entry: dict[str, object] = {
        "severity": "ERROR" if event.action in ENVIRONMENTS or event.outcome != "success" else "INFO",
        "time": datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": MESSAGES.get(event.action) or (MESSAGE if event.action in ENVIRONMENTS else event.action),
    }
    if event.action in ENVIRONMENTS:
        entry["env"] = "track" if event.details.get("shadow") else ENVIRONMENTS[event.action]
    entry |= {"remote_ip": event.source} if event.source else {}
    entry |= {RENAMED.get(name, name): _bounded(value) for name, value in event.details.items()}
    entry |= {"action": event.action, "outcome": event.outcome}
    if event.actor is not None:
        entry["meta.user"] = _bounded(event.actor.id)
        entry |= {"user_id": int(event.actor.id)} if event.actor.id.isdecimal() else {}
    if event.target is not None:
        entry |= {"client": _bounded(event.target.id)} if event.target.kind == "client" else {}
        entry["target"] = _bounded(str(event.target))
    return json.dumps(entry, default=str).encode("ascii") + b"\n"


def _bounded(value: object) -> object:
    return value[:MAX_TEXT] if isinstance(value, str) else value


class SecurityLog:
    """Call it with an event. One write a line, at the end of the file, so that processes may share it.

    When somebody renames the file it is opened anew within a second; beyond ``max_size`` octets it is renamed to
    ``….1`` by whoever notices first, and ``keep`` old ones are kept. A disk that is full costs lines, never requests.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_size: int = 50_000_000,
        keep: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.max_size = max_size
        self.keep = keep
        self.lost = 0
        self._clock = clock
        self._looked = -LOOK_EVERY
        self._fd = -1
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Append one event."""
        line = line_of(event)
        with self._lock:
            try:
                self._look()
                os.write(self._fd, line)
            except OSError as error:
                self.lost += 1
                if self.lost == 1:
                    _complaints.error("the security log %s cannot be written: %s", self.path, error.strerror)
            else:
                self.lost = 0

    def reopen(self) -> None:
        """Open the file anew at the next line, as after a rename; for SIGHUP."""
        self._looked = -LOOK_EVERY

    def close(self) -> None:
        """Close the file; the next event opens it again."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1

    def _look(self) -> None:
        if self._fd >= 0 and self._clock() - self._looked < LOOK_EVERY:
            return
        self._looked = self._clock()
        if self._fd < 0 or not self._is_ours():
            self._open()
        if os.fstat(self._fd).st_size > self.max_size:
            self._rotate()

    def _is_ours(self) -> bool:
        """Is the file that is open still the one at the path?"""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _rotate(self) -> None:
        """Rename the files one further, unless another process has just done so."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        if self._is_ours():
            for number in range(self.keep, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number}")
                newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
                with suppress(FileNotFoundError):
                    newer.replace(older)
            if not self.keep:
                self.path.unlink(missing_ok=True)
        self._open()


def read_back(path: Path, octets: int = 1_000_000) -> list[dict[str, object]]:
    """The entries in the last ``octets`` of a log, oldest first. Lines that are no entries are passed over."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - octets))
            tail = file.read(octets)
    except OSError:
        return []
    lines = tail.split(b"\n")
    entries = []
    for line in lines[1 if end > octets else 0 :]:
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                entries.append(entry)
    return entries
