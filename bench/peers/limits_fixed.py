"""limits: its memory storage and fixed windows, without asyncio."""

from __future__ import annotations

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from bench.rounds import Round, each
from bench.rules import LIMITS


def contestant() -> Round:
    limiter = FixedWindowRateLimiter(MemoryStorage())
    items = [RateLimitItemPerSecond(limit, period) for period, limit in LIMITS.items()]
    hit = limiter.hit
    return each(lambda client: [hit(item, client) for item in items])
