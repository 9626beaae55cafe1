"""Access logs of nginx and Apache: requests that came to this server, and so only half of its traffic."""

from __future__ import annotations

from typing import Final

from stockade.host.traffic.flow import HERE, LONGEST, Flow, octets
from stockade.host.traffic.formats.one_by_one import Line, one_by_one
from stockade.lines.access import apart, asked
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating, access

WRONG: Final = frozenset({400, 403, 404, 405, 410, 414})
"""Statuses of requests for what is not there, which people seldom and scanners mostly send."""


def _line(_dating: Dating) -> Line:
    time_of = access()

    def line(text: str) -> Flow:
        parts = apart(text)
        source = parts.who.partition(" ")[0]
        if not source or source == "-":
            raise Unreadable("no client's address")
        method, target = asked(parts.request) or ("", parts.request)
        return Flow(
            time_of(parts.stamp.strip()), source[:LONGEST], HERE, 0, "tcp", back=octets(parts.octets),
            state=str(parts.status), failed=parts.status in WRONG, service="http",
            asked=target.partition("?")[0][:LONGEST], asked_type=method,
        )  # fmt: skip

    return line


read = one_by_one(_line)
