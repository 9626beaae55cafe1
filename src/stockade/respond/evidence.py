"""Puts down what an account holds before anything is touched: a step that only the log takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from stockade.directory.accounts import SYSTEM, Credential, CredentialKind, Directory
from stockade.events import Event, Personal, Ref
from stockade.respond import journal
from stockade.respond.acting import Write
from stockade.steps import Step

TOGETHER: Final = 100
"""Credentials that one entry tells of."""
_PERSONAL: Final = frozenset({CredentialKind.EMAIL, CredentialKind.IDENTITY})
_ADDRESSES: Final = frozenset({CredentialKind.WEBHOOK, CredentialKind.MIRROR})  # an address may hold a secret


class Evidence:
    """The log as an Actuator. ``write`` records what must be recorded; ``log`` is where it can be read again."""

    system: str = SYSTEM
    verbs: frozenset[str] = frozenset({"evidence.seal"})

    def __init__(self, log: Path, directory: Directory, write: Write, clock: Callable[[], float]) -> None:
        self._log, self._directory, self._write, self._clock = log, directory, write, clock

    def observe(self, target: Ref) -> Mapping[str, object]:  # noqa: ARG002  nothing of it is seen here
        """Nothing that a step could depend on."""
        return {}

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        """Write it down. Raises Unavailable when that is not possible, or the directory does not answer."""
        return {} if self.holds(step) else self._seal(step, by)

    def holds(self, step: Step) -> bool:
        """Whether the log has it, whole."""
        found = (each.event for each in journal.telling(self._log, journal.about(step.target)))
        return any(event.action == step.verb and _same(event, step) for event in found)

    def _seal(self, step: Step, by: Ref | None) -> Mapping[str, object]:
        held = [_told(each, step.target) for each in self._directory.credentials(step.target.id)]
        head, timeline = journal.head(self._log), self._timeline(step.target)
        parts = [held[at : at + TOGETHER] for at in range(0, len(held), TOGETHER)] or [[]]
        for part, credentials in enumerate(parts, 1):
            of = {"part": part, "parts": len(parts), "head": head, "timeline": timeline}
            details = {**step.details, **of, "credentials": credentials}
            self._write(Event(self._clock(), step.verb, by, step.target, details=details))
        return {"credentials": len(held), "head": head["size"], "timeline": timeline["entries"]}

    def _timeline(self, account: Ref) -> dict[str, object]:
        """Where the log has what the account did: it stands there already, and needs no copy."""
        numbers = [entry.index for entry in journal.telling(self._log, journal.about(account))]
        return {"entries": len(numbers), **({"first": numbers[0], "last": numbers[-1]} if numbers else {})}


def _same(event: Event, step: Step) -> bool:
    whole = event.details.get("part") == event.details.get("parts")
    return whole and all(event.details.get(key) == value for key, value in step.details.items())


def _told(held: Credential, account: Ref) -> dict[str, object]:
    return {name: value for name, value in _facts(held, account) if value is not None}


def _facts(held: Credential, account: Ref) -> Iterator[tuple[str, object]]:
    yield "ref", str(held.ref)
    yield "kind", held.kind.value
    if held.kind not in _ADDRESSES:
        yield "name", Personal(held.name, account) if held.kind in _PERSONAL else held.name[:120]
    yield "scopes", sorted(map(str, held.scopes)) or None
    for name in ("made", "made_by", "expires", "last_used", "last_address", "revoked", "within"):
        yield name, getattr(held, name)
