"""Lines of Gitea's and Forgejo's own log, taken apart: sign-ins that failed, and the requests that were completed.

Both the name before the address and the one at the end of the line are the client's choice, so that an address is
believed only when there is one way to read the line.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from stockade.lines.line import Unreadable
from stockade.lines.stamps import Clock, Dating

STAMP: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?= )")
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
FAILED: Final = "Failed authentication attempt for "
FROM: Final = re.compile(r" from (\[[0-9A-Fa-f:.]+\]:\d+|[0-9.]+:\d+|[0-9A-Fa-f:.]+): ")
COMPLETED: Final = re.compile(
    r"\[[IWE]\] (?:\[\w+\] )?router: completed ([A-Z]+) (\S+) for (\S+), (\d{3}) [^@]*in [0-9.]+\S+ @ "
)


class Failed(NamedTuple):
    """A sign-in that failed."""

    name: str
    address: str
    reason: str


class Completed(NamedTuple):
    """A request that was answered."""

    method: str
    target: str
    address: str
    status: int


def clock(dating: Dating) -> Clock:
    """Reads ``2022/04/15 12:58:36``."""
    return Clock(lambda text: dating.at(datetime.strptime(text, "%Y/%m/%d %H:%M:%S")))  # noqa: DTZ007  zone added


def apart(text: str) -> tuple[str, Failed | Completed | str]:
    """The stamp of a line and what it tells of; what the program says of itself as it stands. Raises Unreadable."""
    plain = COLOUR.sub("", text) if "\x1b" in text else text
    stamp = STAMP.match(plain)
    if stamp is None:
        raise Unreadable("no time at the beginning")
    _, found, said = plain.partition(FAILED)
    if found:
        return stamp[0], _failed(said)
    completed = COMPLETED.search(plain, stamp.end())
    if completed is None:
        return stamp[0], plain[stamp.end() + 1 :]
    method, target, address, status = completed.groups()
    return stamp[0], Completed(method, target, address, int(status))


def _failed(said: str) -> Failed:
    """``NAME from ADDRESS:PORT: REASON [... name: NAME ...]``."""
    ways = [Failed(said[: place.start()], place[1], said[place.end() :]) for place in FROM.finditer(said)]
    if len(ways) > 1:
        ways = [way for way in ways if way.reason.endswith(_endings(way.name))]
    if len(ways) != 1:
        raise Unreadable("the address of a failed sign-in cannot be told for certain")
    return ways[0]


def _endings(name: str) -> tuple[str, ...]:
    return (f" name: {name}, keyid: 0]", f" name: {name}]", f" email: {name}]")
