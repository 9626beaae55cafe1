"""What a line of a log says about one request, whatever the log."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from stockade.guard.request import Identity, Request

Outcome = Literal["success", "failure", "unknown"]
"""Whether somebody signed in properly, tried to and failed, or the log does not tell."""

MAX_TARGET: Final = 2_048
"""Characters of a request target that are kept."""
MAX_NAME: Final = 256
"""Characters of a user's name that are kept."""


class Line(NamedTuple):
    """One request as a log tells it.

    ``time`` is in seconds since the epoch. ``address`` is what the log has as the client's, a list separated by commas
    where it has a chain of proxies. ``status`` is None where the log does not tell. ``login`` is the name claimed in
    the credentials that the request carried, ``user`` the account that it was proven to be. One line may stand for
    ``times`` equal requests (rsyslog writes "message repeated 5 times").
    """

    time: float
    address: str
    method: str
    target: str
    status: int | None
    login: str | None = None
    user: str | None = None
    outcome: Outcome = "unknown"
    agent: str | None = None
    referer: str | None = None
    forwarded: str | None = None
    times: int = 1

    def header(self, name: str) -> str | None:
        """What is known of the request's header fields; ``name`` in lower case.

        A claimed name stands as HTTP Basic credentials (RFC 7617) without a password, so that rules about credentials
        and logins hold for a log as they do in front of the service.
        """
        if name == "authorization":
            return basic(self.login) if self.login else None
        if name == "user-agent":
            return self.agent
        if name == "referer":
            return self.referer
        return self.forwarded if name == "x-forwarded-for" else None

    def identify(self, _request: Request) -> Identity | None:
        """Who the log says it was, where the service itself had proven it."""
        return Identity(self.user) if self.user else None


Read = Callable[[str], Line | None]
"""``read(text)``: what a line says, or None for one that is understood and is about no request. Raises ValueError for
a line that cannot be read. A reader may remember a little of the lines before: it is made anew for every log.
"""


def basic(login: str) -> str:
    """HTTP Basic credentials of a name, without a password."""
    return "Basic " + b64encode(f"{login}:".encode("utf-8", "replace")).decode()


def escaped(text: str, most: int = 200) -> str:
    """Text from a log made safe for a terminal and a page's source: what cannot be printed is written as an escape."""
    cut = text[:most]
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return shown + "…" if len(text) > most else shown
