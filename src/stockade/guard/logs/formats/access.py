"""Access logs of Apache and nginx: common, combined, and combined with the virtual host in front.

The parts that a client writes (user, request, referer, agent) are read so that none of them can pass for another: the
time is taken from the end of what precedes the request, and a quote that the server escaped does not end a field.
"""

from __future__ import annotations

import re
from typing import Final

from stockade.guard.logs.formats import stamps
from stockade.guard.logs.formats.line import MAX_NAME, MAX_TARGET, Line, Outcome, Read
from stockade.guard.logs.formats.stamps import Dating
from stockade.guard.networks import pack

STAMP: Final = 29
"""Characters of ``[17/May/2015:10:05:03 +0000] ``, which always stands before the request."""
FIELD: Final = re.compile(r'(?:[^"\\]|\\.)*')
REST: Final = re.compile(r' (\d{3}) \S*(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)")?)?')


def combined(_dating: Dating) -> Read:
    """``ADDRESS IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"``, the last two or not, then what you like.

    Where one more quoted field follows, it is taken for X-Forwarded-For, as nginx's own ``main`` has it.
    """
    time_of = stamps.remembered(stamps.access)

    def read(text: str) -> Line:
        head, _, tail = text.partition('"')
        field = FIELD.match(tail)
        request = field[0] if field else ""
        rest = REST.match(tail, len(request) + 1)
        if rest is None or tail[len(request)] != '"':
            raise ValueError("no status after the request")
        return _line(time_of(head[-STAMP:]), head[:-STAMP], request, rest)

    return read


def vhost_combined(dating: Dating) -> Read:
    """Combined with ``HOST:PORT`` in front, as Debian's Apache writes ``other_vhosts_access.log``."""
    read = combined(dating)

    def read_after_host(text: str) -> Line | None:
        host, _, line = text.partition(" ")
        if ":" not in host:
            raise ValueError("no HOST:PORT in front")
        return read(line)

    return read_after_host


def _line(time: float, who: str, request: str, rest: re.Match[str]) -> Line:
    address, _, names = who.strip().partition(" ")
    if pack(address) is None:
        raise ValueError(f"not an address: {address[:60]!r}")
    _, _, user = names.partition(" ")
    status, referer, agent, forwarded = rest.groups()
    method, target = split_request(request)
    login = None if user in {"-", '""', ""} else user[:MAX_NAME]
    outcome = _outcome(login, int(status))
    agent, referer, forwarded = (None if field in {"-", ""} else field for field in (agent, referer, forwarded))
    return Line(time, address, method, target, int(status), login, None, outcome, agent, referer, forwarded)


def _outcome(login: str | None, status: int) -> Outcome:
    if login is None:
        return "unknown"
    return "success" if 200 <= status < 400 else "failure" if status == 401 else "unknown"


def split_request(request: str) -> tuple[str, str]:
    """Method and target of a request line (RFC 9112, section 3); ``-`` and ``/`` for what is none, as of a scanner."""
    method, _, rest = request.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/"):
        target = rest
    if not (method.isascii() and method.replace("-", "").isalpha()) or len(method) > 32:
        return "-", "/"
    return method, target[:MAX_TARGET] or "/"
