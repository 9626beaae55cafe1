"""GitLab's text logs: production.log as Rails writes it, and application.log.

A request takes several lines of production.log, and nothing in them says which belong together. The status is
believed where one request was open at a time; requests that overlap have none.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from stockade.guard.logs.formats.gitlab import REFUSED, SIGN_IN, signed_in
from stockade.guard.logs.formats.line import MAX_TARGET, Line, Outcome, Read
from stockade.lines.stamps import Clock, Dating

STARTED: Final = re.compile(r'Started ([A-Z]+) "(.*)" for (\S+) at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\Z')
COMPLETED: Final = re.compile(r"Completed (\d{3}) ")
ATTACK: Final = re.compile(r"Rack_Attack: (\w+) (\S+) ([A-Z]+) (\S+)\Z")
APPLICATION: Final = re.compile(r"([A-Z][a-z]+ \d\d, \d{4} \d\d:\d\d): (.*)\Z", re.DOTALL)


def gitlab_text(dating: Dating) -> Read:
    """Lines before the first that can be told for GitLab's are unreadable; those in between are passed over."""
    return Rails(dating).read


class Rails:
    """Puts the lines of a request together."""

    def __init__(self, dating: Dating) -> None:
        self._time_of = stamps_of_rails(dating)
        self._open: Line | None = None
        self._overlapping = 0
        self._time: float | None = None

    def read(self, text: str) -> Line | None:
        """The request that this line completes, if it does."""
        if started := STARTED.match(text):
            return self._start(started)
        if completed := COMPLETED.match(text):
            return self._complete(int(completed[1]))
        if said := APPLICATION.match(text):
            self._time = self._time_of(said[1])
            return signed_in(self._time, said[2])
        if self._time is None:
            raise ValueError("neither a request's first line nor a message with its time")
        attack = ATTACK.match(text)
        return self._refuse(self._time, attack) if attack else None

    def _start(self, started: re.Match[str]) -> Line | None:
        earlier, self._time = self._open, self._time_of(started[4])
        self._open = Line(self._time, started[3], started[1], started[2][:MAX_TARGET], None)
        if earlier is not None:
            self._overlapping += 1
        return earlier

    def _complete(self, status: int) -> Line | None:
        if self._overlapping:  # of which of them?
            self._overlapping -= 1
            line, self._open = (None, self._open) if self._overlapping else (self._open, None)
            return line
        line, self._open = self._open, None
        return _answered(line, status) if line else None

    def _refuse(self, time: float, attack: re.Match[str]) -> Line | None:
        self._open = None
        status = REFUSED.get(attack[1])
        return Line(time, attack[2], attack[3], attack[4][:MAX_TARGET], status) if status else None


def _answered(line: Line, status: int) -> Line:
    if line.method != "POST" or line.target != SIGN_IN:
        return line._replace(status=status)
    outcome: Outcome = "success" if 300 <= status < 400 else "failure" if status in {401, 422} else "unknown"
    return line._replace(status=401 if outcome == "failure" else status, outcome=outcome)


def stamps_of_rails(dating: Dating) -> Clock:
    """``2017-09-06 07:12:19 +0000`` and ``October 07, 2014 11:25``."""

    def parse(text: str) -> float:
        if text[0].isdigit():
            return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp()
        return dating.at(datetime.strptime(text, "%B %d, %Y %H:%M"))  # noqa: DTZ007  the zone is added

    return Clock(parse)
