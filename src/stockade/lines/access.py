"""A line of an access log of Apache or nginx, taken apart: common, combined, or like them.

The parts that a client writes (user, request, referer, agent) are read so that none of them can pass for another: the
time is taken from the end of what precedes the request, and a quote that the server escaped does not end a field.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from stockade.lines.line import Unreadable

STAMP: Final = 29
"""Characters of ``[17/May/2015:10:05:03 +0000] ``, which always stands before the request."""
FIELD: Final = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
REST: Final = re.compile(rf" (\d{{3}}) (\S*)(?: {_QUOTED} {_QUOTED}(?: {_QUOTED})?)?", re.DOTALL)
NOBODY: Final = frozenset({"-", '""', ""})


class Access(NamedTuple):
    """``WHO [STAMP] "REQUEST" STATUS OCTETS "REFERER" "AGENT"``, the last two or not, then what you like.

    Where one more quoted field follows, it is taken for X-Forwarded-For, as nginx's own ``main`` has it. A field that
    is ``-`` is None.
    """

    who: str
    stamp: str
    request: str
    status: int
    octets: str
    referer: str | None
    agent: str | None
    forwarded: str | None


def apart(text: str) -> Access:
    """The parts of a line. Raises Unreadable."""
    head, _, tail = text.partition('"')
    field = FIELD.match(tail)
    request = field[0] if field else ""
    rest = REST.match(tail, len(request) + 1)
    if rest is None or tail[len(request)] != '"':
        raise Unreadable("no status after the request")
    referer, agent, forwarded = (None if field in {"-", ""} else field for field in rest.groups()[2:])
    return Access(head[:-STAMP], head[-STAMP:], request, int(rest[1]), rest[2], referer, agent, forwarded)


def user(names: str) -> str | None:
    """The name that was given, of ``IDENT USER``."""
    said = names.partition(" ")[2]
    return None if said in NOBODY else said


def asked(request: str) -> tuple[str, str] | None:
    """Method and target of a request line (RFC 9112, section 3); None for what is none, as of a scanner."""
    method, _, rest = request.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/"):
        target = rest
    if not (method.isascii() and method.replace("-", "").isalpha()) or len(method) > 32:
        return None
    return method, target or "/"
