"""GitLab's other JSON logs: production_json, api_json, auth_json and application_json, all by one reader.

A request is ``http.request``, unless its ``Controller#action`` or its route stands in the table: then it is that
action, with the outcome its status tells. A sign-in that failed has had several statuses over the years, 0 and 200
among them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.formats.gitlab_audit import SAYS
from stockade.intake.formats.gitlab_audit import taken as audit_taken
from stockade.intake.tables import NOTHING, Meaning, table
from stockade.intake.taken import Read, Taken
from stockade.lines import gitlab
from stockade.lines.gitlab import LOGIN, Entry, text
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Clock, Dating, iso

SYSTEM: Final = "gitlab"
SESSIONS: Final = "SessionsController#create"
ROLES: Final = {"10": "guest", "20": "reporter", "30": "developer", "40": "maintainer", "50": "owner"}
"""GitLab's access levels, as requests name them."""


def gitlab_log(dating: Dating) -> Read:
    """A line of any of these logs; one of audit_json.log too, so that a folder of them needs one reader."""
    clock = iso(dating)

    def read(text: str) -> Sequence[Taken]:
        if text.startswith("#") or not text.strip():
            return ()
        entry = json_object(text)
        moment = entry.get("time")
        if not isinstance(moment, str):
            raise Unreadable("a line without a time")
        return [_taken(entry, clock(moment), clock)]

    return read


def _taken(entry: Entry, time: float, clock: Clock) -> Taken:
    said = str(entry.get("message") or "")
    if said.startswith("Rack_Attack"):
        return Taken(_judged(entry, time, said))
    if "method" in entry and "path" in entry and "status" in entry:
        return Taken(_request(entry, time))
    if found := LOGIN.match(said):
        return Taken(_signed_in(entry, time, found))
    if "author_id" in entry and entry.keys() & {*SAYS, "event_type", "target_type"}:
        return audit_taken(entry, clock)
    return Taken(_message(entry, time, said))


# ── requests ─────────────────────────────────────────────────────────────────────────────────────


def _request(entry: Entry, time: float) -> Event:
    name, status = _name(entry), gitlab.status(entry)
    meaning = table("gitlab_requests").meaning(name)
    if meaning == NOTHING:
        meaning = Meaning("http.request", _answered(status))
    else:
        meaning = Meaning(meaning.action, _outcome(entry, name, status))
    failed = meaning.action == "authentication.success" and meaning.outcome != "success"
    action = meaning.action
    if failed:  # the form of the second factor is a sign-in that is half done
        action = "http.request" if meaning.outcome == "unknown" else "authentication.failure"
    who = gitlab.claimed(entry) if action.startswith("authentication.") else None
    user = text(entry, "username") or text(entry, "meta.user") if not failed else None
    return Event(
        time=time,
        action=action,
        actor=foreign.ref(SYSTEM, "user", user or who),
        target=foreign.ref(SYSTEM, "project", entry.get("meta.project")),
        source=foreign.address(gitlab.address(entry)),
        outcome=meaning.outcome,
        details=_facts(entry, name, status),
    )


def _facts(entry: Entry, name: str, status: int) -> dict[str, object]:
    acts = table("gitlab_requests").meaning(name) != NOTHING
    asked = gitlab.parameters(entry) if acts else {}
    return foreign.fields(
        type=name,
        method=entry.get("method"),
        path=entry.get("path"),
        status=status,
        user_id=entry.get("user_id") or entry.get("meta.user_id"),
        user_agent=entry.get("ua"),
        correlation_id=entry.get("correlation_id"),
        params=asked,
        scopes=_asked(asked, "scopes"),
        role=ROLES.get(str(_asked(asked, "access_level"))),
    )


def _name(entry: Entry) -> str:
    """``Controller#action``, or a method with the route that a request of the API has taken."""
    controller, action = text(entry, "controller"), text(entry, "action")
    if controller and action:
        return f"{controller}#{action}"
    return f"{entry['method']} {text(entry, 'route') or text(entry, 'path') or '/'}"[:512]


def _answered(status: int) -> Outcome:
    if status in {401, 403, 429}:
        return "refused"
    return "success" if 200 <= status < 400 else "failure"


def _outcome(entry: Entry, name: str, status: int) -> Outcome:
    """How it went. A form that is answered with a page, and not with the way to another, is shown once more."""
    if entry.get("action") == "failure":
        return "failure"
    if name == SESSIONS and status in {0, 200, 401, 422}:
        half = status == 200 and "otp_attempt" not in gitlab.user_parameters(entry)
        return "unknown" if half else "failure"
    if status == 200 and entry.get("format") == "html" and entry.get("method") != "GET":
        return "failure"
    return _answered(status)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _judged(entry: Entry, time: float, said: str) -> Event:
    """What GitLab's own Rack::Attack has done to a request."""
    env = text(entry, "env")
    name = f"rack_attack/{env}" if env else "rack_attack: banned" if "banned" in said else said
    meaning = table("gitlab_messages").meaning(name)
    return Event(
        time=time,
        action=meaning.action,
        actor=foreign.ref(SYSTEM, "user", text(entry, "meta.user") or text(entry, "user") or text(entry, "login")),
        source=foreign.address(gitlab.address(entry)),
        outcome=meaning.outcome,
        details=foreign.fields(
            type=name,
            rule=entry.get("matched"),
            method=entry.get("method") or entry.get("request_method"),
            path=entry.get("path"),
            user_id=entry.get("user_id"),
            message=said,
            correlation_id=entry.get("correlation_id"),
            whole=foreign.whole(entry) if meaning == NOTHING else None,
        ),
    )


def _signed_in(entry: Entry, time: float, found: re.Match[str]) -> Event:
    """``Failed Login`` and ``Successful Login``: the name is the client's choice, the address the last word."""
    name = f"{found[1]} login"
    meaning = table("gitlab_messages").meaning(name)
    details = foreign.fields(type=name, correlation_id=entry.get("correlation_id"))
    actor, source = foreign.ref(SYSTEM, "user", found[2]), foreign.address(found[3])
    return Event(time, meaning.action, actor, None, source, meaning.outcome, details)


def _message(entry: Entry, time: float, said: str) -> Event:
    details = foreign.fields(type="message", message=said, whole=foreign.whole(entry))
    source = foreign.address(gitlab.address(entry))
    actor = foreign.ref(SYSTEM, "user", text(entry, "meta.user") or text(entry, "username"))
    return Event(time, NOTHING.action, actor, None, source, NOTHING.outcome, details)


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def _asked(parameters: Entry, name: str) -> object:
    """A parameter by its name, also within the form that it was sent with: ``personal_access_token[scopes]``."""
    forms = [each for each in parameters.values() if isinstance(each, dict)]
    return next((each[name] for each in (parameters, *forms) if name in each), None)
