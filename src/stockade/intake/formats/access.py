"""Access logs of Apache and nginx: common, combined, and combined with the virtual host in front.

The parts that a client writes (user, request, referer, agent) are read so that none of them can pass for another: the
time is taken from the end of what precedes the request, and a quote that the server escaped does not end a field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.stamps import Clock, Dating
from stockade.intake.stamps import access as access_stamp
from stockade.intake.tables import table
from stockade.intake.taken import Read, Taken, Unreadable

STAMP: Final = 29
"""Characters of ``[17/May/2015:10:05:03 +0000] ``, which always stands before the request."""
FIELD: Final = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
REST: Final = re.compile(r' (\d{3}) (\S+)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?', re.DOTALL)


def access(_dating: Dating) -> Read:
    """``ADDRESS IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"``, the last two or not, then what you like;
    with ``HOST:PORT`` in front or not.
    """
    clock = access_stamp()

    def read(text: str) -> Sequence[Taken]:
        return [Taken(_event(text, clock))] if text.strip() else ()

    return read


def _event(text: str, clock: Clock) -> Event:
    head, _, tail = text.partition('"')
    field = FIELD.match(tail)
    request = field[0] if field else ""
    rest = REST.match(tail, len(request) + 1)
    if rest is None or tail[len(request)] != '"':
        raise Unreadable("no status after the request")
    time, (source, host, user) = clock(head[-STAMP:]), _who(head[:-STAMP])
    method, target = _split(request)
    status, octets, referer, agent = rest.groups()
    meaning = table("access").meaning("request")
    details = foreign.fields(
        method=method,
        path=target,
        status=int(status),
        octets=int(octets) if octets.isdecimal() and len(octets) < 19 else None,
        referer=None if referer == "-" else referer,
        user_agent=None if agent == "-" else agent,
        host=host,
    )
    return Event(time, meaning.action, foreign.ref("web", "user", user), None, source, _outcome(int(status)), details)


def _who(said: str) -> tuple[str, str | None, str | None]:
    """The client's address, the virtual host, and the user who has given a name; all before the time."""
    first, _, names = said.strip().partition(" ")
    source, host = foreign.address(first) if first.count(":") != 1 else None, None
    if source is None:
        second, _, names = names.partition(" ")
        source, host = foreign.address(second), first
    if source is None:
        raise Unreadable(f"not an address: {said[:60]!r}")
    user = names.partition(" ")[2]
    return source, host, None if user in {"-", '""', ""} else user


def _outcome(status: int) -> Outcome:
    return "refused" if status in {401, 403, 429} else "success" if status < 400 else "failure"


def _split(request: str) -> tuple[str, str]:
    """Method and target of a request line (RFC 9112, section 3); ``-`` and all of it for what is none."""
    method, _, rest = request.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/"):
        target = rest
    if not (method.isascii() and method.replace("-", "").isalpha()) or len(method) > 32:
        return "-", request
    return method, target or "/"
