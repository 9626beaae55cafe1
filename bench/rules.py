"""The five limits that every contestant enforces, and the ten thousand clients that none of them refuses."""

from __future__ import annotations

from typing import Final

from stockade.guard.rules import Throttle

LIMITS: Final = {1: 100, 60: 3_000, 600: 20_000, 3_600: 100_000, 86_400: 1_000_000}
"""Requests by seconds: five windows of one client, each allowing less a second than the one before."""


def throttles() -> list[Throttle]:
    """The five as rules, in the sliding windows that a throttle has unless told otherwise."""
    return [Throttle(f"per {period} s", limit=limit, period=period) for period, limit in LIMITS.items()]


def clients(number: int = 10_000) -> list[str]:
    """Distinct addresses of 10.0.0.0/8."""
    return [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(number)]
