"""What a rule really admits when somebody times requests against it as well as can be done.

The bounds are exact for :mod:`stockade.guard.arithmetic`, in any interval as long as the rule's period:

* ``fixed``: a full window just before its end, and another just after: 2 L.
* ``sliding``: a full window just before its end; room then grows back as time goes on, up to L − 1 more: 2 L − 1.
* ``gcra``: the burst at once, then one each period/limit: B + L.
* strikes: maxretry − 1 at the end of one window and as many over the next, always one short of a ban: 2 (maxretry − 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from stockade.config.values import written_duration
from stockade.guard.rules import BanRule, Rule, Throttle, Track


@dataclass(frozen=True, slots=True)
class WorstCase:
    """At most ``admitted`` requests, or for a ban failures, in any ``period`` seconds, and how that comes."""

    admitted: int
    period: float
    how: str
    what: str = "requests"

    def __str__(self) -> str:
        return f"{self.admitted} {self.what} in any {written_duration(self.period)}: {self.how}"


def worst_case(rule: Rule) -> WorstCase | None:
    """The worst case of a rule with fixed numbers; None for one that does not count, or whose limit is a callable."""
    if isinstance(rule, BanRule):
        return _of_strikes(rule)
    if not isinstance(rule, (Throttle, Track)) or not isinstance(rule.limit, (int, float)):
        return None
    if not isinstance(rule.period, (int, float)) or not isinstance(rule.cost, (int, float)) or rule.cost <= 0:
        return None
    limit, cost, period = rule.limit, rule.cost, rule.period
    whole = floor(limit / cost)
    if rule.window == "fixed":
        return WorstCase(2 * whole, period, f"{whole} just before a window ends, and {whole} just after")
    if rule.window == "gcra":
        burst = (rule.burst if isinstance(rule, Throttle) else None) or max(1.0, limit / 10)
        pace = written_duration(round(period * cost / limit, 3)) if limit else "never"
        at_once = floor(burst / cost)
        return WorstCase(
            floor((burst + limit) / cost) if limit else 0, period, f"{at_once} at once, then one each {pace}"
        )
    after = max(0, ceil(limit / cost) - 1) if whole else 0
    return WorstCase(
        whole + after, period, f"{whole} just before a window ends, then {after} more as the estimate falls"
    )


def _of_strikes(rule: BanRule) -> WorstCase:
    spared = rule.maxretry - 1
    how = f"{spared} at the end of one window and {spared} over the next, never reaching {rule.maxretry}"
    return WorstCase(2 * spared, rule.findtime, how, "unpunished failures")
