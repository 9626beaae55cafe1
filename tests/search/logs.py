"""Logs as nodes write them, to be searched from the command line."""

from __future__ import annotations

from pathlib import Path

from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event, Ref
from tests.search.conftest import ALICE, BOB, NOW

MALLORY = Ref("gitlab", "user", "mallory")
TOKEN = Ref("gitlab", "token", "812")


def opened(directory: Path, *, segment_size: int = 8 << 20) -> AuditLog:
    """The log of a node, made when it is not there. Its name is that of its directory."""
    signer = directory.with_name(f"{directory.name}-signer")
    if not directory.exists():
        AuditLog.create(directory, signer, origin=f"audit.example.com/{directory.name}")
    rhythm = Rhythm(segment_size=segment_size, sign_within=3600.0, heartbeat=3600.0)
    return AuditLog(directory, signer, rhythm=rhythm, clock=lambda: NOW + 86_400)


def write(directory: Path, *events: Event) -> Path:
    with opened(directory) as log:
        for event in events:
            log.offer(event)
    return directory


def many(count: int, **given: object) -> list[Event]:
    return [
        Event(NOW + n, "token.create", ALICE, TOKEN, "203.0.113.9", details={"n": n, **given}) for n in range(count)
    ]


STORY = (
    Event(NOW, "authentication.failure", BOB, None, "203.0.113.9", "failure", {"message": "Wrong password"}),
    Event(NOW + 60, "authentication.success", BOB, None, "203.0.113.9"),
    Event(NOW + 120, "token.create", BOB, TOKEN, "203.0.113.9", details={"scopes": ["api", "sudo"]}),
    Event(NOW + 180, "repository.read", MALLORY, Ref("gitlab", "project", "3"), "203.0.113.9"),
    Event(NOW + 240, "user.block", ALICE, BOB, "198.51.100.7"),
    Event(NOW + 300, "message", None, None, None, "unknown", {"message": "bob's key \x1b[2J\u202e was\nleft over"}),
    Event(NOW + 360, "authentication.success", ALICE, None, "198.51.100.7"),
)
"""Bob's account is taken, used from the same address by somebody else, and blocked."""
