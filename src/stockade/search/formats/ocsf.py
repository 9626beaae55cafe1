"""OCSF 1.8, as JSON lines; and with the attestation of the record-integrity profile that 1.9 brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from stockade.events import Entry, Event, Ref
from stockade.search.formats.canonical import canonical
from stockade.search.formats.ocsf_classes import ACTIVITY_NAMES, CATEGORIES, METHODS, NAMES, OTHER, Class, class_of
from stockade.search.formats.plain import RELEASE, milliseconds, on_a_line, readable, without_nothing
from stockade.search.formats.timesketch import message
from stockade.search.said import address

VERSION: Final = "1.8.0"
ATTESTED: Final = "1.9.0"
SHA_256: Final = 3
SEVERITIES: Final = ("informational", "low", "medium", "high", "critical")
"""From ``severity_id`` 1 on."""
_STATUS: Final[Mapping[str, tuple[int, str]]] = {
    "success": (1, "Success"),
    "failure": (2, "Failure"),
    "refused": (2, "Failure"),
    "unknown": (0, "Unknown"),
}
_DISPOSITIONS: Final[Mapping[str, tuple[int, int]]] = {  # action_id, disposition_id of the security-control profile
    "guard.safelist": (1, 1),  # Allowed
    "guard.blocklist": (2, 2),  # Denied, Blocked
    "guard.throttle": (2, 2),
    "guard.banned": (2, 2),
    "guard.track": (3, 17),  # Observed, Logged
    "guard.strike": (3, 17),
}


_BY_THE_HOST: Final = frozenset({Class.BASE, Class.FINDING, Class.HTTP, Class.WEB_RESOURCES})
"""Classes that have an actor by the host profile only."""
_FROM_NOWHERE: Final = frozenset({Class.BASE, Class.FINDING})
"""Classes without an endpoint: there the source is an observable."""
_IP, _HOSTNAME = (2, "IP Address"), (1, "Hostname")


def as_ocsf(entry: Entry) -> dict[str, object]:
    """The entry as an event of OCSF."""
    event = entry.event
    kind, activity = class_of(event.action)
    if kind is Class.HTTP:
        activity = METHODS.get(str(event.details.get("method", "")).upper(), OTHER)
    status, status_name = _STATUS.get(event.outcome, (0, "Unknown"))
    disposition = _DISPOSITIONS.get(event.action)
    return readable(
        {
            "activity_id": activity,
            "activity_name": ACTIVITY_NAMES[kind].get(activity, event.action),
            "category_uid": kind // 1000,
            "category_name": CATEGORIES[kind // 1000],
            "class_uid": int(kind),
            "class_name": NAMES[kind],
            "type_uid": kind * 100 + activity,
            "time": milliseconds(event.time),
            "severity_id": severity(event),
            "status_id": status,
            "status": status_name,
            "status_detail": "refused" if event.outcome == "refused" else None,
            "message": message(entry),
            "metadata": _metadata(entry, list(_profiles(event, kind))),
            "actor": {"user": _user(event.actor)} if event.actor else None,
            **_from(event.source, kind),
            "action_id": disposition[0] if disposition else None,
            "disposition_id": disposition[1] if disposition else None,
            **_OF_CLASS[kind](entry),
            "unmapped": without_nothing(
                {
                    "action": event.action,
                    "target": None if event.target is None else str(event.target),
                    "details": dict(event.details),
                }
            ),
        }
    )


def attested(entry: Entry) -> dict[str, object]:
    """The same with an attestation: a SHA-256 over the event in canonical JSON, without that hash itself.

    It names the log as its chain; that the entry stands there unchanged is what ``stockade audit prove`` shows.
    """
    found = as_ocsf(entry)
    metadata = dict(found["metadata"]) | {"version": ATTESTED}  # type: ignore[call-overload]
    metadata["profiles"] = [*metadata.get("profiles", []), "record_integrity"]
    attestation: dict[str, object] = {"uid": str(entry), "chain_uid": entry.origin, "authority_uid": entry.origin}
    attestation = readable(attestation)
    found |= {"metadata": metadata, "attestation": attestation}
    digest = sha256(canonical(found)).hexdigest()
    found["attestation"] = attestation | {
        "fingerprint": {"algorithm_id": SHA_256, "algorithm": "SHA-256", "value": digest}
    }
    return found


def severity(event: Event) -> int:
    """``severity_id``: what a finding says, else informational."""
    said = str(event.details.get("severity", "")) if event.action == "finding.create" else ""
    return SEVERITIES.index(said) + 1 if said in SEVERITIES else 1


def _metadata(entry: Entry, profiles: list[str]) -> dict[str, object]:
    product = {"name": "Stockade", "vendor_name": "Stockade", "version": RELEASE}
    return without_nothing(
        {
            "version": VERSION,
            "product": product,
            "uid": str(entry),
            "sequence": entry.index,
            "log_name": entry.origin,
            "logged_time": milliseconds(entry.recorded),
            "event_code": entry.event.action,
            "profiles": profiles,
        }
    )


def _user(ref: Ref | None) -> dict[str, object]:
    if ref is None:
        return {"name": "unknown", "type_id": 0}
    return {"name": ref.id, "uid": str(ref), "domain": ref.system}


def _whose(event: Event) -> Ref | None:
    """Whose account it is about: the target, if it is one, else whoever did it."""
    return event.target if event.target is not None and event.target.kind == "user" else event.actor


def _profiles(event: Event, kind: Class) -> Iterator[str]:
    if event.actor is not None and kind in _BY_THE_HOST:
        yield "host"
    if event.action in _DISPOSITIONS:
        yield "security_control"


def _from(source: str | None, kind: Class) -> dict[str, object]:
    """Where it came from: an endpoint, or an observable where the class has none."""
    if not source:
        return {}
    place = address(source)
    if kind not in _FROM_NOWHERE:
        return {"src_endpoint": {"hostname": source} if place is None else {"ip": str(place)}}
    type_id, type_ = _HOSTNAME if place is None else _IP
    seen = {"name": "src_endpoint", "type_id": type_id, "type": type_, "value": source if place is None else str(place)}
    return {"observables": [seen]}


def _entity(entry: Entry) -> dict[str, object]:
    ref = entry.event.target or entry.event.actor
    if ref is None:
        return {"entity": {"name": entry.event.action, "type": entry.event.action.partition(".")[0]}}
    return {"entity": {"name": ref.id, "uid": str(ref), "type": ref.kind}}


def _authentication(entry: Entry) -> dict[str, object]:
    ref = entry.event.target or entry.event.actor
    return {"user": _user(_whose(entry.event)), "service": {"name": ref.system if ref else "unknown"}}


def _group(entry: Entry) -> dict[str, object]:
    target = entry.event.target
    member = entry.event.details.get("member") or entry.event.details.get("user")
    group = {"name": target.id, "uid": str(target), "type": target.kind} if target else {"name": "unknown"}
    return {"group": group, "user": {"name": str(member)} if member else _user(_whose(entry.event))}


def _http(entry: Entry) -> dict[str, object]:
    details = entry.event.details
    method, path = details.get("method"), details.get("path")
    request = {
        "http_method": str(method) if method else None,
        "url": {"path": str(path)} if path else None,
    }
    status = details.get("status")
    response = {"code": status} if isinstance(status, int) and not isinstance(status, bool) else {}
    return {"http_request": without_nothing(request) or {"uid": str(entry)}, "http_response": response}


def _finding(entry: Entry) -> dict[str, object]:
    details = entry.event.details
    techniques = details.get("techniques")
    attacks = [{"technique": {"uid": str(each)}} for each in techniques] if isinstance(techniques, list) else []
    title = str(details.get("title", "") or "finding")
    analytic = {"uid": str(details.get("rule", "")), "name": title, "type_id": 1, "type": "Rule"}
    info = {
        "uid": str(entry),
        "title": title,
        "analytic": without_nothing(analytic),
        "attacks": attacks,
    }
    return {"finding_info": without_nothing(info)}


_OF_CLASS: Final[Mapping[Class, Callable[[Entry], dict[str, object]]]] = {
    Class.BASE: lambda _entry: {},
    Class.EVENT_LOG: lambda entry: {"log_name": entry.origin or "audit", "log_provider": "Stockade"},
    Class.FINDING: _finding,
    Class.ACCOUNT_CHANGE: lambda entry: {"user": _user(_whose(entry.event))},
    Class.AUTHENTICATION: _authentication,
    Class.ENTITY_MANAGEMENT: _entity,
    Class.GROUP_MANAGEMENT: _group,
    Class.HTTP: _http,
    Class.WEB_RESOURCES: lambda entry: {"web_resources": [_entity(entry)["entity"]]},
}


def line(entry: Entry) -> str:
    """The entry on a line."""
    return on_a_line(as_ocsf(entry))


def attested_line(entry: Entry) -> str:
    """The attested entry on a line."""
    return on_a_line(attested(entry))
