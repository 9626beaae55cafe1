"""Access logs of Apache and nginx: common, combined, and combined with the virtual host in front."""

from __future__ import annotations

from collections.abc import Sequence

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.tables import table
from stockade.intake.taken import Read, Taken
from stockade.lines import stamps
from stockade.lines.access import apart, asked, user
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Clock, Dating


def access(_dating: Dating) -> Read:
    """``ADDRESS IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"``, the last two or not, then what you like;
    with ``HOST:PORT`` in front or not.
    """
    clock = stamps.access()

    def read(text: str) -> Sequence[Taken]:
        return [Taken(_event(text, clock))] if text.strip() else ()

    return read


def _event(text: str, clock: Clock) -> Event:
    line = apart(text)
    time, (source, host, who) = clock(line.stamp), _who(line.who)
    method, target = asked(line.request) or ("-", line.request)
    meaning = table("access").meaning("request")
    details = foreign.fields(
        method=method,
        path=target,
        status=line.status,
        octets=int(line.octets) if line.octets.isdecimal() and len(line.octets) < 19 else None,
        referer=line.referer,
        user_agent=line.agent,
        host=host,
    )
    return Event(time, meaning.action, foreign.ref("web", "user", who), None, source, _outcome(line.status), details)


def _who(said: str) -> tuple[str, str | None, str | None]:
    """The client's address, the virtual host, and the user who has given a name; all before the time."""
    first, _, names = said.strip().partition(" ")
    source, host = foreign.address(first) if first.count(":") != 1 else None, None
    if source is None:
        second, _, names = names.partition(" ")
        source, host = foreign.address(second), first
    if source is None:
        raise Unreadable(f"not an address: {said[:60]!r}")
    return source, host, user(names)


def _outcome(status: int) -> Outcome:
    return "refused" if status in {401, 403, 429} else "success" if status < 400 else "failure"
