"""Gitea's and Forgejo's own log: sign-ins that failed, and the requests that the router has completed.

Both the name before the address and the one at the end of the line are the client's choice, so that an address is
believed only when there is one way to read the line.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from stockade.guard.logs.formats import stamps
from stockade.guard.logs.formats.line import MAX_NAME, MAX_TARGET, Line, Outcome, Read
from stockade.guard.logs.formats.stamps import Dating

SIGN_IN: Final = "/user/login"
STAMP: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?= )")
FAILED: Final = "Failed authentication attempt for "
FROM: Final = re.compile(r" from (\[[0-9A-Fa-f:.]+\]:\d+|[0-9.]+:\d+|[0-9A-Fa-f:.]+): ")
COMPLETED: Final = re.compile(
    r"\[I\] (?:\[\w+\] )?router: completed ([A-Z]+) (\S+) for (\S+), (\d{3}) [^@]*in [0-9.]+\S+ @ "
)


def gitea(dating: Dating) -> Read:
    """A failed sign-in becomes ``POST /user/login`` with 401."""
    time_of = stamps.remembered(lambda text: dating.at(datetime.strptime(text, "%Y/%m/%d %H:%M:%S")))  # noqa: DTZ007

    def read(text: str) -> Line | None:
        stamp = STAMP.match(text)
        if stamp is None:
            raise ValueError("no time at the beginning")
        _, found, said = text.partition(FAILED)
        if found:
            login, address = failed(said)
            return Line(time_of(stamp[0]), address, "POST", SIGN_IN, 401, login[:MAX_NAME], None, "failure")
        completed = COMPLETED.search(text, stamp.end())
        return _completed(time_of(stamp[0]), completed) if completed else None

    return read


def failed(said: str) -> tuple[str, str]:
    """Name and address of ``NAME from ADDRESS:PORT: REASON [... name: NAME ...]``; ValueError when two could be
    meant.
    """
    ways = [(said[: place.start()], place[1], said[place.end() :]) for place in FROM.finditer(said)]
    if len(ways) > 1:
        ways = [way for way in ways if way[2].endswith(_endings(way[0]))]
    if len(ways) != 1:
        raise ValueError("the address of a failed sign-in cannot be told for certain")
    return ways[0][0], ways[0][1]


def _endings(name: str) -> tuple[str, ...]:
    return (f" name: {name}, keyid: 0]", f" name: {name}]", f" email: {name}]")


def _completed(time: float, found: re.Match[str]) -> Line | None:
    method, target, address, status = found[1], found[2][:MAX_TARGET], found[3], int(found[4])
    if (method, target.partition("?")[0]) != ("POST", SIGN_IN):
        return Line(time, address, method, target, status)
    if status == 200:  # the form again: its own line has told of the failure
        return None
    outcome: Outcome = "success" if 300 <= status < 400 else "unknown"
    return Line(time, address, method, target, status, outcome=outcome)
