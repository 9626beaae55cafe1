"""A running server follows its configuration: changes hold within a second, a bad file leaves the old one in force."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stockade.config import Settings, followed, load, rules_of
from stockade.config.settings import NEEDS_RESTART
from stockade.errors import ConfigurationError
from stockade.events import Event, Ref
from stockade.guard.gate import Guard
from stockade.guard.journal import Record

EVERY: Final = 0.5
"""Seconds between two looks at the file. A change is taken when the second look finds nothing new: what is still being
written is not read by halves, and an empty file on its way to be filled does not lift every rule.
"""

_log = logging.getLogger("stockade.configuration")
Stamp = tuple[int, int, int]


class Follower:
    """Looks whether the file has changed and makes the guard follow it.

    ``changed`` is told the new settings, for the parts that are not the guard's. One for each process.
    """

    def __init__(
        self,
        settings: Settings,
        guard: Guard,
        record: Record,
        changed: Callable[[Settings], None] = lambda _settings: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.guard = guard
        self.record = record
        self.changed = changed
        self.clock = clock
        self._stamp = self._seen = _stamp(settings.file)

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        while self.settings.file is not None:
            await asyncio.sleep(EVERY)
            self.look()

    def look(self) -> bool:
        """Apply the file if it has changed and rests; answers whether it was. Never raises for what is in it."""
        file, stamp = self.settings.file, _stamp(self.settings.file)
        rests, self._seen = stamp == self._seen, stamp
        if file is None or stamp == self._stamp or not rests:
            return False
        self._stamp = stamp
        try:
            settings = load(file)
            self.guard.follow(rules_of(settings), **followed(settings))
        except ConfigurationError as error:
            self._refuse(file, error)
            return False
        self._apply(file, settings)
        return True

    def _refuse(self, file: Path, error: ConfigurationError) -> None:
        _log.error("the new configuration is wrong, the former one stays in force: %s", error)
        self._say("configuration.refused", file, outcome_ok=False, error=error.message, remedy=error.remedy)

    def _apply(self, file: Path, settings: Settings) -> None:
        late = [name for name in NEEDS_RESTART if getattr(settings, name) != getattr(self.settings, name)]
        if late:
            _log.warning("changes of %s hold after a restart", ", ".join(late))
        _log.info("the configuration in %s is in force", file)
        self.settings = settings
        self.changed(settings)
        self._say("configuration.change", file, outcome_ok=True, **({"after_restart": late} if late else {}))

    def _say(self, action: str, file: Path, *, outcome_ok: bool, **details: object) -> None:
        target = Ref("stockade", "configuration", str(file))
        self.record(Event(self.clock(), action, None, target, None, "success" if outcome_ok else "failure", details))


def _stamp(file: Path | None) -> Stamp | None:
    """What changes when a file is written or replaced; None while it is away."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size) if found else None
