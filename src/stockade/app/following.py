"""A running server follows its configuration: changes hold within a second, a bad file leaves the old one in force."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from stockade.config import Settings, followed, load, rules_of
from stockade.config.loading import stamp_of
from stockade.config.settings import NEEDS_RESTART, changed
from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Event, Ref
from stockade.guard.gate import Guard
from stockade.guard.journal import Record

EVERY: Final = 0.5
"""Seconds between two looks at the file. A change is taken when the second look finds nothing new: what is still being
written is not read by halves, and an empty file on its way to be filled does not lift every rule.
"""

_log = logging.getLogger("stockade.configuration")


class Follower:
    """Looks whether the file has changed and makes the guard follow it.

    ``changed`` is told the new settings, for the parts that are not the guard's. A change that ``insist`` cannot record
    is not taken, and tried again until it can be. One for each process.
    """

    def __init__(
        self,
        settings: Settings,
        guard: Guard,
        record: Record,
        changed: Callable[[Settings], None] = lambda _settings: None,
        *,
        clock: Callable[[], float] = time.time,
        insist: Record | None = None,
    ) -> None:
        self.settings = settings
        self.guard = guard
        self.record = record
        self.insist = insist or record
        self.changed = changed
        self.clock = clock
        self._stamp = self._seen = settings.stamp

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        while self.settings.file is not None:
            await asyncio.sleep(EVERY)
            if (found := self._found()) is not None and await asyncio.to_thread(self._on_record, found):
                self._apply(found)

    def look(self) -> bool:
        """Apply the file if it has changed and rests; answers whether it was. Never raises for what is in it."""
        found = self._found()
        if found is None or not self._on_record(found):
            return False
        return self._apply(found)

    def _found(self) -> Settings | None:
        """What the file says now, if it has changed, rests, and can be read."""
        file, stamp = self.settings.file, stamp_of(self.settings.file)
        rests, self._seen = stamp == self._seen, stamp
        if file is None or stamp == self._stamp or not rests:
            return None
        self._stamp = stamp
        try:
            return load(file)
        except ConfigurationError as error:
            self._refuse(error)
            return None

    def _on_record(self, settings: Settings) -> bool:
        """Whether the change is on record, so that it may hold; if not, the next look finds it changed still."""
        late = self._late(settings)
        details = {"settings": changed(self.settings, settings)} | ({"after_restart": late} if late else {})
        try:
            self._say(self.insist, "configuration.change", outcome_ok=True, **details)
        except StockadeError as error:
            _log.warning("the new configuration cannot be recorded, the former one stays in force: %s", error)
            self._stamp = None
            return False
        return True

    def _late(self, settings: Settings) -> list[str]:
        return [name for name in NEEDS_RESTART if getattr(settings, name) != getattr(self.settings, name)]

    def _refuse(self, error: ConfigurationError) -> None:
        _log.error("the new configuration is wrong, the former one stays in force: %s", error)
        self._say(self.record, "configuration.refused", outcome_ok=False, error=error.message, remedy=error.remedy)

    def _apply(self, settings: Settings) -> bool:
        try:
            self.guard.follow(rules_of(settings), **followed(settings))
        except ConfigurationError as error:
            self._refuse(error)
            return False
        if late := self._late(settings):
            _log.warning("changes of %s hold after a restart", ", ".join(late))
        _log.info("the configuration in %s is in force", settings.file)
        self.settings = settings
        self.changed(settings)
        return True

    def _say(self, record: Record, action: str, *, outcome_ok: bool, **details: object) -> None:
        target = Ref("stockade", "configuration", str(self.settings.file))
        record(Event(self.clock(), action, None, target, None, "success" if outcome_ok else "failure", details))
