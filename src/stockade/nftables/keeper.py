"""Keeps the firewall as the guard has the bans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from stockade.errors import Unavailable
from stockade.events import Event
from stockade.guard.gate import Guard
from stockade.nftables.sets import NftSet

GAP: Final = 0.2
"""Seconds between two synchronisations at least, however many bans there are."""


class Keeper:
    """Keeps the sets as the guard's store has the bans: now and then, and at once when the guard reports one.

    ``every`` is in seconds. ``say`` takes what an operator should hear, each trouble once.
    """

    def __init__(self, sets: NftSet, guard: Guard, *, every: float = 5.0, say: Callable[[str], None] = print) -> None:
        self.sets = sets
        self.guard = guard
        self.every = every
        self.say = say
        self._said = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def record(self, event: Event) -> None:
        """Hear of what the guard reports; from any thread."""
        if self._loop is not None and event.action in {"guard.ban", "guard.unban"}:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Until ``stop`` is set or the task cancelled. The bans stay, and end by themselves."""
        self._loop = asyncio.get_running_loop()
        while stop is None or not stop.is_set():
            self._wake.clear()
            await self.keep()
            await asyncio.sleep(GAP)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every):
                    await self._wake.wait()

    async def keep(self) -> None:
        """Synchronise once; what goes wrong is said."""
        try:
            bans = await self.guard.abans()
            done = await asyncio.to_thread(self.sets.sync, bans)
            self._tell(f"never banned, and so left alone: {', '.join(done.spared)}" if done.spared else "")
        except Unavailable as error:
            self._tell(str(error))

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._said:
            self.say(f"firewall: {trouble}")
        self._said = trouble
