"""Where traffic is seen as it happens: the kernel's table of connections, told or listed, and logs that grow."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread
from typing import IO, Final, Protocol

from stockade.errors import Unavailable
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.formats import FORMATS, aws, conntrack, recognised
from stockade.lines.line import MAX_LINE, Unreadable
from stockade.lines.stamps import Dating
from stockade.lines.tail import Say, Tail

WAITING: Final = 100_000
"""Flows that wait to be taken; of more, the rest is counted and lost."""
LINES: Final = 5_000
"""Lines of a log that are taken at once."""
LISTED_EVERY: Final = 5.0
"""Seconds between two looks at the table of connections."""
TABLE: Final = Path("/proc/net/nf_conntrack")
LARGEST: Final = 64_000_000
"""Octets of the table that are read."""


class Traffic(Protocol):
    """Something that sees traffic: ``take`` what has come since. Raises Unavailable when it sees nothing any more."""

    def take(self) -> list[Flow]:
        """What has come since the last time."""
        ...

    def close(self) -> None:
        """Look no more."""
        ...


class Events:
    """``conntrack -E``: each connection when it ends. Long ones are told of when they do."""

    def __init__(
        self, command: Sequence[str] = (), *, say: Say = print, clock: Callable[[], float] = time.time
    ) -> None:
        """Start it; ``say`` hears of what was lost. Raises Unavailable when there is no such program."""
        asked = [*(command or ("conntrack",)), "-E", "-o", "timestamp"]
        if shutil.which(asked[0]) is None:
            raise Unavailable(f"{asked[0]} is not installed", remedy="Install Debian's conntrack, or set conntrack.")
        self._say, self._lost, self._told = say, 0, 0
        self._flows = Queue[Flow](WAITING)
        self._child = subprocess.Popen(
            asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._thread = Thread(target=self._read, args=(self._child.stdout, Dating(clock)), daemon=True)
        self._thread.start()

    def _read(self, lines: IO[str], dating: Dating) -> None:
        for found in conntrack.read(_bounded(lines), dating):
            if isinstance(found, Flow):
                try:
                    self._flows.put_nowait(found)
                except Full:
                    self._lost += 1

    def take(self) -> list[Flow]:
        """The connections that have ended. Raises Unavailable when the program has."""
        found = list(_emptied(self._flows))
        if self._lost > self._told:
            self._say(f"conntrack: {self._lost - self._told} connections came too fast and were not looked at")
            self._told = self._lost
        if not found and self._child.poll() is not None:
            self._thread.join(1.0)
            if not (found := list(_emptied(self._flows))):
                said = self._child.stderr.read(500).strip() if self._child.stderr else ""
                remedy = "It needs CAP_NET_ADMIN, and a rule that asks for the state of connections (ct state)."
                raise Unavailable(f"conntrack -E has ended: {said or self._child.returncode}", remedy=remedy)
        return found

    def close(self) -> None:
        """End the program."""
        self._child.kill()  # whoever starts it may hold SIGTERM back, and it holds back what its parent does
        self._child.wait()
        self._thread.join(1.0)
        for stream in (self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()


class Listed:
    """The table of connections, looked at now and then: what is in it for the first time is a flow."""

    def __init__(self, table: Path = TABLE, *, clock: Callable[[], float] = time.time) -> None:
        self._table, self._clock, self._next = table, clock, 0.0
        self._known = set[tuple[object, ...]]()

    def take(self) -> list[Flow]:
        """What is new in it. Raises Unavailable when it cannot be read."""
        now = self._clock()
        if now < self._next:
            return []
        self._next = now + LISTED_EVERY
        try:
            with self._table.open(encoding="ascii", errors="replace") as file:
                text = file.read(LARGEST)
        except OSError as error:
            remedy = 'Run it as root, load nf_conntrack, or set conntrack = "events".'
            raise Unavailable(f"{self._table} cannot be read: {error.strerror}", remedy=remedy) from error
        found = {
            _ends(each): each
            for each in conntrack.read(text.split("\n"), Dating(lambda: now))
            if isinstance(each, Flow)
        }
        new = [flow for key, flow in found.items() if key not in self._known]
        self._known = set(found)
        return new

    def close(self) -> None:
        """Nothing is held."""


class Followed:
    """A log that grows, in any of the formats. It is recognised by its first lines; a heading is remembered."""

    def __init__(self, path: Path, *, say: Say, clock: Callable[[], float] = time.time) -> None:
        """Begin at its beginning: what is too old for the window is let go there."""
        self._tail = Tail(path, place=None, say=say)
        self._dating, self._format, self._heading, self._say = Dating(clock), "", "", say
        self._strange = False

    def take(self) -> list[Flow]:
        """The flows of its new lines."""
        lines = [line.octets.decode("utf-8", "replace") for line in self._tail.take(LINES)]
        if not lines:
            return []
        self._format = self._format or recognised([each for each in lines if each.strip()]) or ""
        if not self._format:
            if not self._strange:
                self._say(f"{self._tail.path}: in no format that is known; its first line that is will be heeded")
            self._strange = True
            return []
        read = FORMATS[self._format].read([self._heading, *lines] if self._heading else lines, self._dating)
        found = [each for each in read if not isinstance(each, Unreadable)]
        self._heading = next((each for each in reversed(lines) if _is_heading(each)), self._heading)
        return found

    def close(self) -> None:
        """Let go of it."""
        self._tail.close()


def _is_heading(text: str) -> bool:
    return text.startswith("#fields\t") or aws.heading(text) is not None


def _ends(flow: Flow) -> tuple[object, ...]:
    return flow.protocol, flow.source, flow.source_port, flow.destination, flow.destination_port


def _bounded(lines: IO[str]) -> Iterator[str]:
    while line := lines.readline(MAX_LINE):
        yield line


def _emptied(queue: Queue[Flow]) -> Iterator[Flow]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return
