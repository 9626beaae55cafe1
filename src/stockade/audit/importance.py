"""Which events must be recorded before what they describe may happen, and which should be, as soon as there is room.

*Must*: whatever gives somebody rights or takes them away, changes what protects others, or reads what is protected,
where somebody asks for it. When it cannot be recorded in time, it is refused, and does not happen. *Should*: what has
happened already or of itself, and what a full disk would lock everybody out of: sign-ins and their sessions, failures,
refusals, requests, and looking at this very log. It is kept in memory while the disk refuses, and what finds no room
there is counted.
"""

from __future__ import annotations

from typing import Final

from stockade.actions import BEHAVIOUR_OF, Behaviour

MUST: Final = frozenset({
    Behaviour.TOKEN, Behaviour.KEY, Behaviour.FACTOR, Behaviour.CONFIGURATION, Behaviour.RUNNER, Behaviour.HOOK,
    Behaviour.APPLICATION, Behaviour.IDENTITY, Behaviour.EMAIL, Behaviour.VARIABLE, Behaviour.PASSWORD,
    Behaviour.ACCOUNT, Behaviour.RESPONSE, Behaviour.HOST,
})  # fmt: skip
"""Classes of behaviour all of which must be recorded, but for the actions in ``NOT``."""

NOT: Final = frozenset({"token.use", "pipeline.run", "configuration.refused", "password.reset.request"})
"""Actions of these classes that only should be."""

ALSO: Final = frozenset({
    "authentication.impersonate", "authentication.unlock", "session.elevate", "repository.export", "repository.delete",
    "branch.policy.change", "person.erase", "stream.change", "finding.create",
})  # fmt: skip
"""Actions of other classes that must be recorded all the same; of a finding, so that detection does not pass it by."""

BY_HAND: Final = frozenset({"guard.ban", "guard.unban", "session.end"})
"""Actions that must be recorded where somebody does it to another. That failures led to a ban, or somebody signs out of
their own session, only should be: that goes on when the disk is full."""


def must(action: str) -> bool:
    """Whether what the action describes may be done only when it is recorded. Unknown actions only should be."""
    return action in ALSO or action in BY_HAND or (BEHAVIOUR_OF.get(action) in MUST and action not in NOT)
