"""Rules that raise: conditions, discriminators and limits may be anybody's code, and a bug in it is not an open door.

A safelist that fails lets nobody pass, and a blocklist that fails refuses: who can make a rule fail must not gain by
it. A rule that counts cannot count then, and says with ``on_store_failure`` what becomes of such a request; the other
rules are asked as ever. Each failure is told in the log, and the client never gets a 500 for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Final

from stockade.guard.decision import Decision, Note
from stockade.guard.rules import Blocklist, Metered, Rule

if TYPE_CHECKING:
    from stockade.guard.lanes import Lane, Row

IDENTITY: Final = "(identify)"
"""Stands for a rule's name where finding out who asks has failed, and no rule wanted to know."""


def fail(decision: Decision, rule: Rule, error: Exception) -> None:
    """A rule has failed for a request that is to be decided."""
    shadow = isinstance(rule, (Blocklist, Metered)) and rule.shadow
    _note(decision, rule.name, error, shadow=shadow)
    if shadow:
        return
    if isinstance(rule, Blocklist):
        decision.settle_by("blocklist", rule)
    elif isinstance(rule, Metered) and rule.on_store_failure == "refuse" and not decision.answered:
        decision.kind, decision.rule, decision.allowed = "unjudged", rule, False


def applies(decision: Decision, rule: Rule, when: Callable[..., object]) -> bool:
    """Does a list's or a track's condition hold? One that fails does not."""
    try:
        return bool(when(decision.request))
    except Exception as error:  # noqa: BLE001  anybody's code
        fail(decision, rule, error)
        return False


def ask_the_sound(decision: Decision, lane: Lane) -> tuple[str | None, Row | None]:
    """Whom a lane counts, and what of it can be asked, when some of it failed."""
    try:
        key = lane.key(decision.request)
    except Exception as error:  # noqa: BLE001  anybody's code
        for each in lane.entries:
            fail(decision, each.rule, error)
        if not lane.entries:
            _note(decision, IDENTITY, error)
        return None, None
    if key is None:
        return None, None
    row, failed = lane.inward_of_sound(decision.request, exempt=decision.exempt)
    for rule, raised in failed:
        fail(decision, rule, raised)
    return key, row


def answered_by(after: Decision, lane: Lane, used: Sequence[str]) -> tuple[str | None, Row | None]:
    """Whom a lane counts, and what an answer moves of it; nothing where a rule of it fails."""
    try:
        key = lane.key(after.request)
        return key, None if key is None else lane.outgoing(after.request, used, exempt=after.exempt)
    except Exception as error:  # noqa: BLE001  anybody's code
        for entry in lane.outward:
            fail(after, entry.rule, error)
        return None, None


def _note(decision: Decision, name: str, error: Exception, *, shadow: bool = False) -> None:
    """What failed and where, and not what it said: that may be anything, a token among it."""
    place = extract_tb(error.__traceback__)[-1:]
    where = "".join(f" at {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in place)
    note = Note("failed", name, decision.request.client.key, shadow=shadow, evidence=f"{type(error).__name__}{where}")
    decision.notes += (note,)
