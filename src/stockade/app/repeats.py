"""A sign-in is one event for each client, account, credential and window, with a count: one clone asks many times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from stockade.events import Event
from stockade.guard.journal import Record

WINDOW: Final = 60.0
"""Seconds in which a sign-in that comes again is counted, and not told again."""
MOST: Final = 2_000
"""Sign-ins that may come again and are remembered; then it begins anew."""
FOLDED: Final = "authentication.success"
BREAKS: Final = "authentication.failure"

Key = tuple[str, str | None, str | None, str, str]


@dataclass(slots=True)
class Held:
    """A sign-in that was told, how often the same came again since, and when the last one was."""

    event: Event
    last: float
    repeated: int = 0


class Repeats:
    """Call it with any event: ``record`` gets it, or its count later. Safe for any number of threads.

    A failure in between, from the same client or of the same account, makes the next sign-in news: that many have
    failed before it is what somebody looks for.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._open: dict[Key, Held] = {}
        self._mutex = Lock()

    def __call__(self, event: Event) -> None:
        """Tell it, or count it."""
        with self._mutex:
            if event.action == FOLDED:
                told = list(self._signed_in(event))
            else:
                told = [*self._broken(event), event] if event.action == BREAKS else [event]
        for each in told:
            self._record(each)

    def flush(self, now: float, older: float = 0.0) -> None:
        """Tell how often the open ones came again, and close those that are ``older`` (seconds) than that."""
        with self._mutex:
            told = list(self._closed([key for key, held in self._open.items() if now - held.event.time >= older]))
        for each in told:
            self._record(each)

    def _signed_in(self, event: Event) -> Iterator[Event]:
        key = _key(event)
        held = self._open.get(key)
        if held is not None and abs(event.time - held.event.time) < WINDOW:
            held.repeated, held.last = held.repeated + 1, event.time
            return
        yield from self._closed([key] if len(self._open) < MOST else list(self._open))
        self._open[key] = Held(event, event.time)
        yield event

    def _broken(self, failure: Event) -> Iterator[Event]:
        source, account = failure.source, str(failure.target or "")
        return self._closed(
            [key for key in self._open if (source and key[1] == source) or (account and key[0] == account)]
        )

    def _closed(self, keys: list[Key]) -> Iterator[Event]:
        """Take these away, and answer what is still to be told of them."""
        for held in [held for key in keys if (held := self._open.pop(key, None)) is not None]:
            if held.repeated:
                details = {**held.event.details, "repeated": held.repeated, "since": held.event.time}
                yield replace(held.event, time=held.last, details=details)


def _key(event: Event) -> Key:
    details = event.details
    kind, credential = str(details.get("kind", "")), str(details.get("credential", ""))
    return str(event.target or ""), event.source, str(event.actor or ""), kind, credential
