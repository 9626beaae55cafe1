"""limits: its memory storage and sliding windows, which estimate from two counters as Stockade's do."""

from __future__ import annotations

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bench.rounds import Round, each
from bench.rules import LIMITS


def contestant() -> Round:
    limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
    items = [RateLimitItemPerSecond(limit, period) for period, limit in LIMITS.items()]
    hit = limiter.hit
    return each(lambda client: [hit(item, client) for item in items])
