"""An incident for other people's tools: a bundle of STIX 2.1, deterministic, so that a second export is the same.

Nothing here is a guess of ours about an attacker: accounts and addresses as they were observed, what was done as
courses of action, what was said as notes, and the report that holds them together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID, uuid5

from stockade.events import Entry, Ref
from stockade.respond.incident import Decision, Incident, Note
from stockade.steps import Step

_THEIRS: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace of identifiers of observables (STIX 2.1 section 2.9)."""
MOST_ADDRESSES: Final = 200

Object = dict[str, Any]


def bundle(incident: Incident, steps: Sequence[Step], observed: Iterable[Entry], name: str) -> Object:
    """The bundle; ``steps`` were taken, ``observed`` is what was seen of the subjects, ``name`` who tells."""
    made = _stamp(incident.opened)
    identity = _made("identity", f"{name}", made, name=name, identity_class="system")
    objects = [
        *_accounts(incident.subjects),
        *_seen(observed, identity["id"]),
        _incident(incident, identity["id"]),
        *_courses(steps, identity["id"], incident),
    ]
    told = [identity, *_distinct(objects)]
    told += [_note(each, incident, identity["id"]) for each in incident.notes]
    told += [_note(each, incident, identity["id"]) for each in incident.decisions]
    told.append(_report(incident, identity["id"], [each["id"] for each in told]))
    return {"type": "bundle", "id": f"bundle--{_number(incident.name)}", "objects": told}


def _number(what: str) -> UUID:
    """The same for the same thing. Version 4, which STIX 2.1 section 2.9 asks for: the bits of a hash are as random."""
    return UUID(bytes=sha256(f"stockade:{what}".encode()).digest()[:16], version=4)


def _made(kind: str, what: str, made: str, **properties: object) -> Object:
    identity = f"{kind}--{_number(f'{kind}:{what}')}"
    return {"type": kind, "spec_version": "2.1", "id": identity, "created": made, "modified": made, **properties}


def _observable(kind: str, contributing: Mapping[str, str], **properties: object) -> Object:
    """An observable; its identifier is that of RFC 4122 over its canonical identifying properties."""
    canonical = (
        "{"
        + ",".join(f'"{key}":{json.dumps(value, ensure_ascii=False)}' for key, value in sorted(contributing.items()))
        + "}"
    )
    identity = f"{kind}--{uuid5(_THEIRS, canonical)}"
    return {"type": kind, "spec_version": "2.1", "id": identity, **contributing, **properties}


def _accounts(subjects: Iterable[Ref]) -> Iterator[Object]:
    for ref in subjects:
        yield _observable("user-account", {"account_login": ref.id, "user_id": str(ref)}, display_name=ref.id)


def _seen(entries: Iterable[Entry], identity: str) -> Iterator[Object]:
    """The addresses from which the subjects acted, each with when and how often."""
    found: dict[str, list[float]] = {}
    for entry in entries:
        address = entry.event.source or ""
        if _is_address(address) and (address in found or len(found) < MOST_ADDRESSES):
            found.setdefault(address, []).append(entry.event.time)
    for address, times in found.items():
        kind = f"ipv{ip_address(address).version}-addr"
        where = _observable(kind, {"value": address})
        yield where
        first, last = _stamp(min(times)), _stamp(max(times))
        seen = {"first_observed": first, "last_observed": last, "number_observed": min(len(times), 999_999_999)}
        yield _made("observed-data", address, first, created_by_ref=identity, object_refs=[where["id"]], **seen)


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _incident(incident: Incident, identity: str) -> Object:
    about = f"{incident.severity}; about {', '.join(map(str, incident.subjects)) or 'nobody named'}"
    return _made(
        "incident",
        incident.name,
        _stamp(incident.opened),
        created_by_ref=identity,
        name=incident.title,
        description=about,
        labels=["stockade", incident.name],
        external_references=[
            {"source_name": "mitre-attack", "external_id": technique}
            for technique in sorted({t for finding in incident.findings for t in finding.techniques})
            if re.fullmatch(r"T\d{4}(\.\d{3})?", technique)
        ]
        or [{"source_name": "stockade", "external_id": incident.name}],
    )


def _courses(steps: Sequence[Step], identity: str, incident: Incident) -> Iterator[Object]:
    for step in steps:
        what = f"{incident.name}:{step.verb}:{step.target}"
        name = f"{step.verb} {step.target}"
        description = f"{step.reason} {step.effect}".strip() or step.tactic.value
        stamp = _stamp(incident.opened)
        yield _made("course-of-action", what, stamp, created_by_ref=identity, name=name, description=description)


def _note(said: Note | Decision, incident: Incident, identity: str) -> Object:
    refs = [f"incident--{_number(f'incident:{incident.name}')}"]
    stamp = _stamp(said.time)
    return _made(
        "note", said.entry, stamp, created_by_ref=identity, content=said.text, authors=[said.by], object_refs=refs
    )


def _report(incident: Incident, identity: str, refs: Sequence[str]) -> Object:
    published = _stamp(incident.closed or incident.opened)
    kinds = ["observed-data", "threat-report"]
    return _made(
        "report",
        incident.name,
        published,
        created_by_ref=identity,
        name=incident.title,
        published=published,
        report_types=kinds,
        object_refs=list(refs),
    )


def _distinct(objects: Iterable[Object]) -> list[Object]:
    return list({each["id"]: each for each in objects}.values())


def _stamp(time: float) -> str:
    """A moment as STIX 2.1 writes it: UTC, milliseconds."""
    moment = datetime.fromtimestamp(time, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
