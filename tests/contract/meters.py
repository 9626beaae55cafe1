"""Meters as rules make them, with times in seconds."""

from __future__ import annotations

from stockade.guard.meter import MICROSECONDS, RESET, Group, Meter, Window

SECOND = float(MICROSECONDS)
MINUTE = 60 * SECOND


def sliding(limit: float = 3, period: float = 60, rule: str = "api", need: float = 1, cost: float = 1) -> Meter:
    return Meter(rule, Window.SLIDING, limit, period * SECOND, need, cost)


def fixed(limit: float = 3, period: float = 60, rule: str = "quota", need: float = 1, cost: float = 1) -> Meter:
    return Meter(rule, Window.FIXED, limit, period * SECOND, need, cost)


def gcra(limit: float = 60, period: float = 60, burst: float = 3, rule: str = "pace", cost: float = 1) -> Meter:
    return Meter(rule, Window.GCRA, limit, period * SECOND, cost, cost, burst)


def strikes(
    limit: float = 3,
    period: float = 60,
    bantimes: tuple[float, ...] = (600,),
    rule: str = "logins",
    *,
    shadow: bool = False,
) -> Meter:
    times = tuple(each * SECOND for each in bantimes)
    return Meter(rule, Window.STRIKES, limit, period * SECOND, 0, 1, 0, times, not shadow)


def look(meter: Meter) -> Meter:
    """The same meter, only looked at."""
    return meter._replace(cost=0.0)


def clear(meter: Meter) -> Meter:
    """The same meter, cleared as after a success."""
    return meter._replace(need=0.0, cost=RESET)


def group(*meters: Meter, exempt: bool = False) -> Group:
    return Group(meters, exempt=exempt)
