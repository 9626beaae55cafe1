"""Whom an entry is about, and what becomes of an account in a review of everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stockade.events import Event, Finding, Ref, Severity

PEOPLE: Final = frozenset({"user", "bot", "account", "service", "deploy_key"})
"""Kinds of references that are accounts."""
MOST_NAMES: Final = 100
"""References that one account may go by."""
NAMED: Final = ("user", "user_name", "username", "name", "login", "holder", "acts_for")
"""Where details may name an account that an event gives no reference for, such as a token made for it by another."""
OPERATORS: Final = "unix"
"""The system that names who has given a command here; it is no source of events of its own."""
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low", "informational")
"""The worst first."""


def system_of(event: Event) -> str:
    """The system that an event tells of; ``web`` for a request that names nobody, empty for the log itself."""
    ref = event.target or event.actor
    if ref is not None:
        return ref.system
    said = event.details.get("system", "web" if event.action == "http.request" else "")
    return said if isinstance(said, str) else ""


def accounts_in(event: Event) -> Iterator[Ref]:
    """The accounts that an event names, each once: who did it, and to whom."""
    for ref in (event.actor, event.target if event.target != event.actor else None):
        if ref is not None and ref.kind in PEOPLE:
            yield ref


class Account:
    """An account as it was asked for: ``alice`` in every system, or ``gitlab:user/alice`` in one.

    Some logs call an account by its name, others by its number. ``learn`` is shown every event first, and takes from
    those that tell both that they are one; ``also`` are the references it has learnt so.
    """

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self.also = set[Ref]()
        try:
            self._ref: Ref | None = Ref.parse(asked)
        except ValueError:
            self._ref = None
        self._name = (self._ref.id if self._ref else asked).casefold()

    def learn(self, event: Event) -> None:
        """Whether an event tells another name of this account."""
        actor, number = event.actor, event.details.get("user_id")
        if actor is None or number is None or actor.kind not in PEOPLE or len(self.also) >= MOST_NAMES:
            return
        numbered = Ref(actor.system, actor.kind, str(number))
        if self._asked_for(actor) or self._asked_for(numbered):
            self.also |= {actor, numbered}

    def is_it(self, ref: Ref | None) -> bool:
        """Whether a reference is this account."""
        return ref is not None and (self._asked_for(ref) or ref in self.also)

    def concerns(self, event: Event) -> bool:
        """Whether an event is by this account, or about it."""
        if self.is_it(event.actor) or self.is_it(event.target):
            return True
        if self._ref is not None and system_of(event) != self._ref.system:
            return False
        return any(str(event.details[key]).casefold() == self._name for key in NAMED if key in event.details)

    def _asked_for(self, ref: Ref) -> bool:
        if ref.kind not in PEOPLE or ref.id.casefold() != self._name:
            return False
        return self._ref is None or ref.system == self._ref.system


@dataclass(slots=True)
class Seen:
    """What a review of everybody says of one account: ``did`` are entries by it, ``met`` those about it."""

    ref: Ref
    did: int = 0
    met: int = 0
    last: float = 0.0
    findings: int = 0
    worst: Severity | None = None

    def take(self, finding: Finding) -> None:
        """Count a finding about this account."""
        self.findings += 1
        if self.worst is None or SEVERITIES.index(finding.severity) < SEVERITIES.index(self.worst):
            self.worst = finding.severity
