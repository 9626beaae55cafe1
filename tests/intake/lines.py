"""Lines of other systems for the tests, and the real ones where they are."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from stockade.events import Event
from stockade.intake.formats import reader
from stockade.intake.formats.mapped import FieldMap
from stockade.intake.taken import Reader, Taken
from stockade.lines.stamps import Dating
from tests.source_tree import ROOT

NOON = 1_700_049_600.0
"""15 November 2023, noon, UTC."""
SHARED = ROOT.parent / "shared"


def real(name: str) -> Path:
    """A file that is kept beside the checkout; where it is not, the test is skipped, and says so."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"nothing at ../shared/{name}")
    return path


def reading(name: str, now: float = NOON, mapping: FieldMap | None = None) -> Reader:
    return reader(name, Dating(lambda: now, UTC), mapping=mapping)


def taken(name: str, said: str | dict[str, Any]) -> Taken:
    """What a single line says, which has to be one event."""
    (found,) = reading(name)(said if isinstance(said, str) else json.dumps(said))
    return found


def event(name: str, said: str | dict[str, Any]) -> Event:
    return taken(name, said).event


def audited(**fields: Any) -> dict[str, Any]:
    """An audit event of GitLab as a stream delivers it."""
    whole: dict[str, Any] = {
        "id": "1",
        "author_id": 7,
        "author_name": "Alice",
        "entity_id": 3,
        "entity_type": "Project",
        "entity_path": "team/app",
        "event_type": "webhook_created",
        "ip_address": "203.0.113.9",
        "target_id": 12,
        "target_type": "ProjectHook",
        "target_details": "https://hooks.example",
        "created_at": "2023-11-15T12:00:00.000Z",
        "details": {"author_name": "Alice", "author_class": "User", "ip_address": "203.0.113.9"},
    }
    return whole | fields


MAPPING = """
system = "vault"
[fields]
time = "time"
name = ["request.operation", "request.path"]
actor = "auth.display_name"
source = "request.remote_address"
id = "request.id"
outcome = "type"
[outcomes]
failure = ["error"]
[kinds]
actor = "account"
[details]
mount = "request.mount"
[[map]]
action = "variable.read"
from = ["read secret/*"]
"""
