"""Gitea's and Forgejo's own log: sign-ins that failed, and the requests that the router has completed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.tables import NOTHING, table
from stockade.intake.taken import Read, Taken
from stockade.lines.gitea import Completed, Failed, apart, clock
from stockade.lines.stamps import Dating

SYSTEM: Final = "gitea"
FAILED: Final = "Failed authentication attempt"


def gitea(dating: Dating) -> Read:
    """A line of gitea.log; what the program says of itself is ``message``."""
    time_of = clock(dating)

    def read(text: str) -> Sequence[Taken]:
        stamp, said = apart(text)
        return [Taken(_event(time_of(stamp), said))]

    return read


def _event(time: float, said: Failed | Completed | str) -> Event:
    if isinstance(said, Failed):
        return _failed(time, said)
    return _completed(time, said) if isinstance(said, Completed) else _message(time, said)


def _failed(time: float, said: Failed) -> Event:
    meaning = table("gitea").meaning(FAILED)
    details = foreign.fields(type=FAILED, reason=said.reason.partition(" [")[0])
    actor, source = foreign.ref(SYSTEM, "user", said.name), foreign.address(said.address)
    return Event(time, meaning.action, actor, None, source, meaning.outcome, details)


def _completed(time: float, said: Completed) -> Event:
    method, target, address, status = said
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
