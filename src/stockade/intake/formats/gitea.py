"""Gitea's and Forgejo's own log: sign-ins that failed, and the requests that the router has completed.

Both the name before the address and the one at the end of the line are the client's choice, so that an address is
believed only when there is one way to read the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.stamps import Clock, Dating
from stockade.intake.tables import NOTHING, table
from stockade.intake.taken import Read, Taken, Unreadable

SYSTEM: Final = "gitea"
STAMP: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?= )")
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
FAILED: Final = "Failed authentication attempt for "
FROM: Final = re.compile(r" from (\[[0-9A-Fa-f:.]+\]:\d+|[0-9.]+:\d+|[0-9A-Fa-f:.]+): ")
COMPLETED: Final = re.compile(
    r"\[[IWE]\] (?:\[\w+\] )?router: completed ([A-Z]+) (\S+) for (\S+), (\d{3}) [^@]*in [0-9.]+\S+ @ "
)


def gitea(dating: Dating) -> Read:
    """A line of gitea.log; what the program says of itself is ``message``."""
    clock = Clock(lambda text: dating.at(datetime.strptime(text, "%Y/%m/%d %H:%M:%S")))  # noqa: DTZ007

    def read(text: str) -> Sequence[Taken]:
        plain = COLOUR.sub("", text) if "\x1b" in text else text
        stamp = STAMP.match(plain)
        if stamp is None:
            raise Unreadable("no time at the beginning")
        time = clock(stamp[0])
        _, found, said = plain.partition(FAILED)
        if found:
            return [Taken(_failed(time, said))]
        completed = COMPLETED.search(plain, stamp.end())
        return [Taken(_completed(time, completed) if completed else _message(time, plain[stamp.end() + 1 :]))]

    return read


def _failed(time: float, said: str) -> Event:
    name, address, reason = _told(said)
    meaning = table("gitea").meaning(FAILED.strip().removesuffix(" for"))
    details = foreign.fields(type="Failed authentication attempt", reason=reason.partition(" [")[0])
    actor, source = foreign.ref(SYSTEM, "user", name), foreign.address(address)
    return Event(time, meaning.action, actor, None, source, meaning.outcome, details)


def _told(said: str) -> tuple[str, str, str]:
    """Name, address and reason of ``NAME from ADDRESS:PORT: REASON [... name: NAME ...]``; Unreadable when two could
    be meant.
    """
    ways = [(said[: place.start()], place[1], said[place.end() :]) for place in FROM.finditer(said)]
    if len(ways) > 1:
        ways = [way for way in ways if way[2].endswith(_endings(way[0]))]
    if len(ways) != 1:
        raise Unreadable("the address of a failed sign-in cannot be told for certain")
    return ways[0]


def _endings(name: str) -> tuple[str, ...]:
    return (f" name: {name}, keyid: 0]", f" name: {name}]", f" email: {name}]")


def _completed(time: float, found: re.Match[str]) -> Event:
    method, target, address, status = found[1], found[2], found[3], int(found[4])
    name = f"{method} {target.partition('?')[0]}"
    meaning = table("gitea").meaning(name)
    action, outcome = meaning.action, _outcome(method, target, status)
    if action == "authentication.success" and outcome != "success":
        action = "http.request"  # the form again, or that of the second factor: a failure has a line of its own
    details = foreign.fields(type=name, method=method, path=target, status=status)
    action = "http.request" if meaning == NOTHING else action
    return Event(time, action, None, None, foreign.address(address), outcome, details)


def _outcome(method: str, target: str, status: int) -> Outcome:
    """How it went. A form of the web pages that is answered with a page is shown once more."""
    if status in {401, 403, 429}:
        return "refused"
    if method == "POST" and status == 200 and "/git-" not in target and not target.startswith("/api/"):
        return "unknown"
    return "success" if 200 <= status < 400 else "failure"


def _message(time: float, said: str) -> Event:
    return Event(
        time, "message", None, foreign.ref(SYSTEM, "program", SYSTEM), None, "unknown", foreign.fields(message=said)
    )
