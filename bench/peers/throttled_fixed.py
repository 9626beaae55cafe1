"""throttled-py: five fixed windows in a memory store that is large enough for all clients."""

from __future__ import annotations

from datetime import timedelta

from throttled import MemoryStore, Throttled, per_duration

from bench.rounds import Round, each
from bench.rules import LIMITS


def contestant() -> Round:
    store = MemoryStore(options={"MAX_SIZE": 1_000_000})
    throttles = [
        Throttled(
            using="fixed_window",
            quota=per_duration(timedelta(seconds=period), limit),
            store=store,
            key_prefix=f"per-{period}",
        )
        for period, limit in LIMITS.items()
    ]
    return each(lambda client: [throttle.limit(client) for throttle in throttles])
