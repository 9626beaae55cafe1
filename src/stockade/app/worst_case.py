"""What a rule really admits when somebody times requests against it as well as can be done.

The bounds are exact for :mod:`stockade.guard.arithmetic`, in any interval as long as the rule's period:

* ``fixed``: a full window just before its end, and another just after: 2 L.
* ``sliding``: L − 1 just before a window ends, for a little of the window before it is still in sight; room then grows
  back as time goes on, up to L − 1 more just before the next one ends: 2 L − 2, and L at least.
* ``gcra``: the burst at once, then one each period/limit: B + L.
* strikes: maxretry − 1 at the end of one window and as many over the next, always one short of a ban: 2 (maxretry − 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Final

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
    return _BY_WINDOW[rule.window](rule.limit / rule.cost, rule.period, _burst(rule) / rule.cost)


def _fixed(limit: float, period: float, _burst: float) -> WorstCase:
    whole = floor(limit)
    return WorstCase(2 * whole, period, f"{whole} just before a window ends, and {whole} just after")


def _sliding(limit: float, period: float, _burst: float) -> WorstCase:
    nearly = max(0, ceil(limit) - 1)
    if floor(limit) >= 2 * nearly:
        return WorstCase(floor(limit), period, "all at once")
    how = f"{nearly} just before a window ends, then {nearly} more as the estimate falls"
    return WorstCase(2 * nearly, period, how)


def _gcra(limit: float, period: float, burst: float) -> WorstCase:
    if not limit:
        return WorstCase(0, period, "none ever")
    pace = written_duration(round(period / limit, 3))
    return WorstCase(floor(burst + limit), period, f"{floor(burst)} at once, then one each {pace}")


_BY_WINDOW: Final = {"fixed": _fixed, "sliding": _sliding, "gcra": _gcra}


def _burst(rule: Throttle | Track) -> float:
    burst = rule.burst if isinstance(rule, Throttle) else None
    limit = rule.limit if isinstance(rule.limit, (int, float)) else 0.0
    return burst or max(1.0, limit / 10)


def _of_strikes(rule: BanRule) -> WorstCase:
    spared = rule.maxretry - 1
    how = f"{spared} at the end of one window and {spared} over the next, never reaching {rule.maxretry}"
    return WorstCase(2 * spared, rule.findtime, how, "unpunished failures")
