"""A million live clients under five rules, in a process of its own: how much memory, and how slow the slowest decision.

Three passes: everyone comes for the first time, everyone comes again, and days later as many others come, for whom the
store sweeps the dead away.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from array import array
from pathlib import Path
from typing import Final

from bench.contestant import ROOT
from bench.rows import Row
from bench.rules import LIMITS, throttles
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.request import Request

MEGABYTES: Final = 450.0
MILLISECONDS: Final = 5.0
LATER: Final = 3.0 * max(LIMITS)


class Slowest:
    """Times of decisions, by this thread's own processor time and by the clock on the wall, in microseconds."""

    def __init__(self) -> None:
        self.own = array("q")
        self.wall = array("q")

    def shown(self, times: array[int]) -> tuple[float, float]:
        """The 99.99th percentile and the maximum, in milliseconds."""
        ordered = sorted(times)
        return ordered[len(ordered) * 9999 // 10000] / 1e6, ordered[-1] / 1e6


def measure(clients: int) -> dict[str, float]:
    """Run the three passes in this process."""
    moment = [time.time()]
    clock = lambda: moment[0] + time.monotonic()  # noqa: E731  one clock, moved by hand
    store = MemoryStore(clients=clients + clients // 4, clock=clock)
    guard = Guard(*throttles(), store=store, clock=clock)
    slowest = Slowest()
    before = resident()
    arrive(guard, 0, clients, None)
    grown = resident() - before
    arrive(guard, 0, clients, slowest)
    moment[0] += LATER
    arrive(guard, clients, 2 * clients, slowest)
    own, wall = slowest.shown(slowest.own), slowest.shown(slowest.wall)
    return {"megabytes": grown, "p9999": own[0], "max": own[1], "wall p9999": wall[0], "wall max": wall[1]}


def arrive(guard: Guard, first: int, last: int, slowest: Slowest | None) -> None:
    """A request of each client from ``first`` on; each decision is timed where somebody wants to know."""
    own, wall, decide = time.thread_time_ns, time.perf_counter_ns, guard.decide
    for n in range(first, last):
        request = Request(guard.client(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"), "GET", "/", _no_header)
        if slowest is None:
            decide(request)
            continue
        began, began_own = wall(), own()
        decide(request)
        slowest.own.append(own() - began_own)
        slowest.wall.append(wall() - began)


def _no_header(_name: str) -> None:
    return None


def resident() -> float:
    """The resident memory of this process in megabytes (10**6 bytes)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024 / 1e6


def rows(*, clients: int) -> list[Row]:
    """Both bars."""
    argv = [sys.executable, "-m", "bench.million", str(clients)]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    share = clients / 1_000_000
    return [
        Row(
            f"memory of {clients:,} live clients under five rules",
            f"≤ {MEGABYTES * share:g} MB",
            f"{found['megabytes']:.0f} MB",
            found["megabytes"] / (MEGABYTES * share),
            found["megabytes"] <= MEGABYTES * share,
            f"{found['megabytes'] * 1e6 / clients:.0f} bytes a client, the names included",
        ),
        Row(
            "the slowest decision while it sweeps",
            f"< {MILLISECONDS:g} ms",
            f"{found['max']:.2f} ms, p99.99 {found['p9999']:.3f} ms",
            passes=found["max"] < MILLISECONDS,
            notes=f"processor time of the thread; on the wall {found['wall max']:.1f} and {found['wall p9999']:.2f} ms",
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
