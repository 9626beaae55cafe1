"""Access logs of Apache and nginx: common, combined, and combined with the virtual host in front."""

from __future__ import annotations

from stockade.guard.logs.formats.line import MAX_NAME, MAX_TARGET, Line, Outcome, Read
from stockade.guard.networks import pack
from stockade.lines import stamps
from stockade.lines.access import Access, apart, asked, user
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating


def combined(_dating: Dating) -> Read:
    """``ADDRESS IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"``, the last two or not, then what you like.

    Where one more quoted field follows, it is taken for X-Forwarded-For, as nginx's own ``main`` has it.
    """
    time_of = stamps.access()

    def read(text: str) -> Line:
        line = apart(text)
        return _line(time_of(line.stamp), line)

    return read


def vhost_combined(dating: Dating) -> Read:
    """Combined with ``HOST:PORT`` in front, as Debian's Apache writes ``other_vhosts_access.log``."""
    read = combined(dating)

    def read_after_host(text: str) -> Line | None:
        host, _, line = text.partition(" ")
        if ":" not in host:
            raise Unreadable("no HOST:PORT in front")
        return read(line)

    return read_after_host


def _line(time: float, line: Access) -> Line:
    address, _, names = line.who.strip().partition(" ")
    if pack(address) is None:
        raise Unreadable(f"not an address: {address[:60]!r}")
    method, target = asked(line.request) or ("-", "/")
    named, status = user(names), line.status
    login = named[:MAX_NAME] if named else None
    outcome = _outcome(login, status)
    return Line(
        time,
        address,
        method,
        target[:MAX_TARGET],
        status,
        login,
        None,
        outcome,
        line.agent,
        line.referer,
        line.forwarded,
    )


def _outcome(login: str | None, status: int) -> Outcome:
    if login is None:
        return "unknown"
    return "success" if 200 <= status < 400 else "failure" if status == 401 else "unknown"
