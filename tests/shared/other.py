"""Another process that uses a shared store: one order a line on its standard input, one answer a line, both JSON.

``python -m tests.shared.other PATH [CLIENTS [RULES]]``
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from stockade.guard.meter import MICROSECONDS, Ban, Group, Meter, Window
from stockade.guard.shared import SharedStore

YEARS = 1e9 * MICROSECONDS
"""A period whose next boundary is in 2033."""


def throttle(rule: str, limit: float, window: Window = Window.FIXED, period: float = YEARS) -> Group:
    """One rule that counts."""
    return Group([Meter(rule, window, limit, period)])


def banning(rule: str, limit: float, *bantimes: float) -> Group:
    """One rule whose strikes ban for so many seconds."""
    times = tuple(b * MICROSECONDS for b in bantimes)
    return Group([Meter(rule, Window.STRIKES, limit, 60.0 * MICROSECONDS, 0.0, 1.0, 0.0, times)])


class Other:
    """What can be ordered."""

    def __init__(self, store: SharedStore) -> None:
        self.store = store

    def passes(self, client: str, rule: str, limit: float, times: int) -> int:
        """How many of so many requests are let through."""
        group = throttle(rule, limit)
        readings = [self.store.count([(client, group, "")])[0][2][0] for _ in range(times)]
        return sum(1 for _, wait, _ in readings if not wait)

    def used(self, client: str, *rules: str) -> list[float]:
        """What a client has used of each rule, before it is counted once more."""
        group = Group([Meter(rule, Window.FIXED, 1e9, YEARS, cost=0.0) for rule in rules])
        return [used for used, _, _ in self.store.count([(client, group, "")])[0][2]]

    def strike(self, client: str, rule: str, limit: float, bantime: float) -> str:
        """Which ban answers, if any."""
        return self.store.count([(client, banning(rule, limit, bantime), "GET /")])[0][0]

    def ban(self, client: str, seconds: float) -> None:
        """Ban by hand."""
        now = self.store.clock()
        self.store.ban(Ban(client, "manual", now, now + seconds, "because", "", 1, "ann"))

    def forget(self, client: str) -> list[dict[str, Any]]:
        """Lift everything."""
        return [asdict(ban) for ban in self.store.forget(client)]

    def bans(self) -> list[str]:
        """Who is banned."""
        return sorted(ban.client for ban in self.store.bans())

    def networks(self) -> list[str]:
        """Which networks are."""
        return list(self.store.networks())


def main() -> None:
    """Do as told until there is no more."""
    path, *sizes = sys.argv[1:]
    clients, rules = [*map(int, sizes), *(1024, 32)[len(sizes) :]]
    other = Other(SharedStore(path, clients=clients, rules=rules))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order, *words = json.loads(line)
        print(json.dumps(getattr(other, order)(*words)), flush=True)


if __name__ == "__main__":
    main()
