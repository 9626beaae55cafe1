"""The Elastic Common Schema 8.11, as JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stockade.actions import BEHAVIOUR_OF, UNKNOWN, Behaviour
from stockade.events import Entry, Event, Ref
from stockade.search.formats.cef import severity
from stockade.search.formats.plain import on_a_line, rfc3339, without_nothing
from stockade.search.formats.timesketch import message
from stockade.search.said import address

VERSION: Final = "8.11.0"
CATEGORIES: Final[Mapping[Behaviour, tuple[str, ...]]] = {
    Behaviour.SIGN_IN: ("authentication",),
    Behaviour.TOKEN: ("iam",),
    Behaviour.KEY: ("iam",),
    Behaviour.FACTOR: ("iam",),
    Behaviour.REPOSITORY: ("file",),
    Behaviour.CONFIGURATION: ("configuration",),
    Behaviour.RUNNER: ("configuration",),
    Behaviour.HOOK: ("configuration",),
    Behaviour.APPLICATION: ("configuration",),
    Behaviour.IDENTITY: ("iam",),
    Behaviour.EMAIL: ("iam",),
    Behaviour.VARIABLE: ("configuration",),
    Behaviour.PASSWORD: ("iam",),
    Behaviour.ACCOUNT: ("iam",),
    Behaviour.TRAFFIC: ("web",),
    Behaviour.GUARD: ("network",),
    Behaviour.HOST: ("host",),
    Behaviour.RESPONSE: ("intrusion_detection",),
    Behaviour.LOG: ("configuration",),
}
_SESSION: Final[Mapping[str, str]] = {
    "authentication.success": "start",
    "authentication.failure": "start",
    "authentication.impersonate": "start",
    "session.create": "start",
    "session.end": "end",
}
_TYPES: Final[Mapping[str, str]] = {
    "create": "creation",
    "add": "creation",
    "link": "creation",
    "remove": "deletion",
    "delete": "deletion",
    "revoke": "deletion",
    "unlink": "deletion",
    "deny": "deletion",
    "read": "access",
    "export": "access",
    "use": "info",
}
_DENIED: Final = {"guard.blocklist", "guard.throttle", "guard.banned"}
_ALLOWED: Final = {"guard.safelist"}
_ALONE: Final[Mapping[str, tuple[str, str]]] = {
    "command.run": ("process", "start"),
    "message": ("host", "info"),
    "http.request": ("web", "access"),
    "repository.delete": ("file", "deletion"),
    "finding.create": ("intrusion_detection", "info"),
    "log.read": ("configuration", "access"),
}


def category_and_type(action: str) -> tuple[list[str], list[str]]:
    """``event.category`` and ``event.type``, in a combination that the schema expects."""
    if action in _ALONE:
        category, kind = _ALONE[action]
        return [category], [kind]
    behaviour = BEHAVIOUR_OF.get(action)
    if behaviour is None or action == UNKNOWN:
        return [], ["info"]
    return list(CATEGORIES[behaviour]), [_type(action, behaviour)]


def _type(action: str, behaviour: Behaviour) -> str:
    if behaviour is Behaviour.SIGN_IN:
        return _SESSION.get(action, "info")
    if behaviour is Behaviour.GUARD:
        return "denied" if action in _DENIED else "allowed" if action in _ALLOWED else "info"
    if behaviour in {Behaviour.HOST, Behaviour.RESPONSE, Behaviour.LOG}:
        return "info"
    said = _TYPES.get(action.rpartition(".")[2], "change")
    iam = CATEGORIES[behaviour] == ("iam",)
    return "info" if iam and said == "access" else said


def as_ecs(entry: Entry) -> dict[str, object]:
    """The entry as a document."""
    event = entry.event
    categories, types = category_and_type(event.action)
    place = address(event.source)
    return without_nothing(
        {
            "@timestamp": rfc3339(event.time),
            "ecs": {"version": VERSION},
            "message": message(entry),
            "event": without_nothing(
                {
                    "kind": "alert" if event.action == "finding.create" else "event",
                    "category": categories,
                    "type": types,
                    "action": event.action,
                    "outcome": {"success": "success", "failure": "failure", "refused": "failure"}.get(
                        event.outcome, "unknown"
                    ),
                    "id": str(entry),
                    "sequence": entry.index,
                    "ingested": rfc3339(entry.recorded),
                    "severity": severity(event),
                    "provider": entry.origin,
                    "dataset": "stockade.audit",
                    "module": "stockade",
                }
            ),
            "user": _users(event),
            "source": without_nothing({"address": event.source, "ip": str(place) if place else None}),
            "related": without_nothing({"ip": [str(place)] if place else [], "user": _related(event)}),
            "rule": _rule(event),
            "stockade": without_nothing(
                {"target": str(event.target) if event.target else None, "details": dict(event.details)}
            ),
        }
    )


def _users(event: Event) -> dict[str, object]:
    found = _user(event.actor)
    if event.target is not None and event.target.kind == "user":
        found["target"] = _user(event.target)
    return found


def _user(ref: Ref | None) -> dict[str, object]:
    return {} if ref is None else {"name": ref.id, "id": str(ref), "domain": ref.system}


def _related(event: Event) -> list[str]:
    refs = (event.actor, event.target)
    return sorted({ref.id for ref in refs if ref is not None and (ref.kind == "user" or ref is event.actor)})


def _rule(event: Event) -> dict[str, object]:
    if event.action != "finding.create":
        return {}
    return without_nothing({"id": str(event.details.get("rule", "")), "name": str(event.details.get("title", ""))})


def line(entry: Entry) -> str:
    """The entry on a line."""
    return on_a_line(as_ecs(entry))
