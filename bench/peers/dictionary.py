"""The floor: a dictionary with a counter for each client and window, and one look at the clock. Nothing is compared,
bounded, swept, shown or ever refused.
"""

from __future__ import annotations

import time

from bench.rounds import Round, each
from bench.rules import LIMITS


def contestant() -> Round:
    counters: dict[str, int] = {}
    get = counters.get
    periods = tuple(LIMITS)

    def decide(client: str) -> None:
        now = int(time.time())
        for period in periods:
            key = f"{period}:{client}:{now // period}"
            counters[key] = get(key, 0) + 1

    return each(decide)
