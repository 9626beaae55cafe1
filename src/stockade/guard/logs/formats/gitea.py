"""Gitea's and Forgejo's own log: sign-ins that failed, and the requests that the router has completed."""

from __future__ import annotations

from typing import Final

from stockade.guard.logs.formats.line import MAX_NAME, MAX_TARGET, Line, Outcome, Read
from stockade.lines.gitea import Completed, Failed, apart, clock
from stockade.lines.stamps import Dating

SIGN_IN: Final = "/user/login"


def gitea(dating: Dating) -> Read:
    """A failed sign-in becomes ``POST /user/login`` with 401; what the program says of itself is passed over."""
    time_of = clock(dating)

    def read(text: str) -> Line | None:
        stamp, said = apart(text)
        if isinstance(said, Failed):
            return Line(time_of(stamp), said.address, "POST", SIGN_IN, 401, said.name[:MAX_NAME], None, "failure")
        return _completed(time_of(stamp), said) if isinstance(said, Completed) else None

    return read


def _completed(time: float, said: Completed) -> Line | None:
    method, target, address, status = said.method, said.target[:MAX_TARGET], said.address, said.status
    if (method, target.partition("?")[0]) != ("POST", SIGN_IN):
        return Line(time, address, method, target, status)
    if status == 200:  # the form again: its own line has told of the failure
        return None
    outcome: Outcome = "success" if 300 <= status < 400 else "unknown"
    return Line(time, address, method, target, status, outcome=outcome)
