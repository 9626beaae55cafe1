"""How the throttles stand, told to every client in the fields of draft-ietf-httpapi-ratelimit-headers-10.

Sections 3 and 4 there: ``RateLimit-Policy`` and ``RateLimit``, two structured-field lists that share their names
(RFC 9651). Nearly every answer says the same but for a few numbers, so the rest is written once for each group of
meters and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from operator import gt, itemgetter, sub
from typing import TYPE_CHECKING, Final

from stockade.guard.decision import Decision, Quota
from stockade.guard.meter import FOREVER, MICROSECONDS, Group, Reading
from stockade.guard.rules import Throttle

if TYPE_CHECKING:
    from stockade.guard.lanes import Row

Fields = Sequence[tuple[bytes, bytes]]
"""Header lines as an ASGI server takes them, names in lower case."""

POLICY: Final = b"ratelimit-policy"
STANDING: Final = b"ratelimit"
MAX_FORMS: Final = 4096
USED: Final = itemgetter(0)


class Form:
    """The fields of one group of meters, with room for the numbers. Shadow throttles and other rules are not told."""

    __slots__ = ("halves", "limits", "places", "policy", "standing")

    def __init__(self, row: Row) -> None:
        self.places = [n for n, e in enumerate(row.entries) if isinstance(e.rule, Throttle) and not e.rule.shadow]
        meters = [row.group.meters[place] for place in self.places]
        self.limits = [m.limit for m in meters]
        self.halves = [m.limit / 2 if n in self.places else FOREVER for n, m in enumerate(row.group.meters)]
        self.policy = ", ".join(policy(m.rule, m.limit, m.period / MICROSECONDS) for m in meters).encode()
        self.standing = ", ".join(f"{string(m.rule).replace('%', '%%')};r=%d" for m in meters).encode()

    def near(self, readings: Sequence[Reading]) -> bool:
        """Is half of a limit used?"""
        return any(map(gt, map(USED, readings), self.halves))

    def filled(self, readings: Sequence[Reading]) -> bytes | None:
        """How the throttles stand; None when one of them has nothing left, for then its reset must be told."""
        if len(readings) != len(self.limits):
            readings = [readings[place] for place in self.places]
        left = tuple(map(sub, self.limits, map(USED, readings)))
        return self.standing % left if min(left) > 0.0 else None


class Forms:
    """The forms in use."""

    def __init__(self) -> None:
        self._forms: dict[Group, Form] = {}

    def fields(self, decision: Decision) -> Fields:
        """The two fields; none where no throttle was asked."""
        if not decision.allowed or decision.beside:
            return in_full(decision.quotas)
        policies, standings = [], []
        for row, tally in zip(decision.rows, decision.tallies):  # noqa: B905  same length, or nothing was asked
            form = self._forms.get(row.group) or self._write(row)
            if form.limits:
                filled = form.filled(tally[2])
                if filled is None:
                    return in_full(decision.quotas)
                policies.append(form.policy)
                standings.append(filled)
        if len(policies) == 1:
            return (POLICY, policies[0]), (STANDING, standings[0])
        return ((POLICY, b", ".join(policies)), (STANDING, b", ".join(standings))) if policies else ()

    def near(self, decision: Decision) -> bool:
        """Is half of any limit used, so that a client had better know?"""
        if decision.beside:
            return any(quota.used > quota.limit / 2 for quota in decision.quotas)
        for row, tally in zip(decision.rows, decision.tallies):  # noqa: B905  same length, or nothing was asked
            if (self._forms.get(row.group) or self._write(row)).near(tally[2]):
                return True
        return False

    def _write(self, row: Row) -> Form:
        if len(self._forms) >= MAX_FORMS:
            self._forms.clear()
        form = self._forms[row.group] = Form(row)
        return form


def in_full(quotas: Sequence[Quota]) -> Fields:
    """The two fields for any quotas, those with nothing left among them."""
    if not quotas:
        return ()
    policies = ", ".join(policy(q.name, q.limit, q.period) for q in quotas)
    return (POLICY, policies.encode()), (STANDING, ", ".join(map(standing, quotas)).encode())


def policy(name: str, limit: float, period: float) -> str:
    """One item of RateLimit-Policy: how much may be used in how many seconds."""
    return f"{string(name)};q={int(limit)};w={max(1, ceil(period))}"


def standing(quota: Quota) -> str:
    """One item of RateLimit: how much is left, and where nothing is, in how many seconds there will be more."""
    reset = f";t={ceil(quota.reset)}" if quota.reset else ""
    return f"{string(quota.name)};r={int(quota.remaining)}{reset}"


def string(text: str) -> str:
    """A structured-field string (RFC 9651, section 3.3.3): printable ASCII, quotes and backslashes escaped."""
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text)
    return '"' + ascii_only.replace("\\", "\\\\").replace('"', '\\"') + '"'
