"""What it costs a service to watch its traffic: 1,000 connections a second, with a million strangers among them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from resource import RUSAGE_SELF, getrusage

from bench.rows import Row
from stockade.app.host.traffic_watch import MEMORY
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.places import Places
from stockade.host.traffic.table import table
from stockade.host.traffic.window import MOST, Window

RATE, EVERY, STRANGERS = 1_000, 300, 1_000_000
BEGAN, DAY = 1_700_000_000.0, 86_400.0
SHARE, MEGABYTES = 0.2, 600
BEACON = "203.0.113.9"


def flows(since: float, seconds: int, rate: int, chance: random.Random) -> Iterator[Flow]:
    """Half of them come in, half go out; one machine calls one address every minute."""
    for number in range(seconds * rate):
        at = chance.randrange(STRANGERS)
        peer = f"{11 + (at >> 16)}.{at >> 8 & 255}.{at & 255}.{at * 7 % 251}"
        moment, own = since + number / rate, f"10.0.0.{at % 200}"
        if number == 0 and (since - BEGAN) % 60 < 10:
            yield Flow(moment + chance.uniform(-3, 3), "10.0.0.5", BEACON, 8443, out=500, back=500, state="SF")
        elif number % 2:
            yield Flow(moment, peer, own, 443, duration=0.5, out=500, back=9_000, state="SF")
        else:
            yield Flow(moment, own, peer, 443, duration=0.5, out=500, back=9_000, state="SF")


def measured(rate: int = RATE, minutes: int = MOST // RATE // 60) -> dict[str, float]:
    """Seconds of processor time for five minutes more, when the window is full; megabytes; was the beacon found?"""
    chance, full = random.Random(1), BEGAN + 60.0 * minutes
    with table(memory=MEMORY, threads=1) as held:
        window = Window(held, Places(), seconds=DAY, quiet=DAY, say=lambda _text: None)
        window.add(_between(BEGAN, full, rate, chance))
        before = time.process_time()
        for part in range(0, EVERY, 10):
            window.add(flows(full + part, 10, rate, chance))
        told = [str(each.subject) for each in window.look(full + EVERY, None) if each.severity != "informational"]
        used = time.process_time() - before
        kept = held.one("SELECT count(*) FROM flow")[0]
    megabytes = getrusage(RUSAGE_SELF).ru_maxrss / 1_000
    return {"used": used, "megabytes": megabytes, "kept": kept, "beacon": any(BEACON in each for each in told)}


def _between(began: float, ended: float, rate: int, chance: random.Random) -> Iterator[Flow]:
    for part in range(0, int(ended - began), 10):
        yield from flows(began + part, 10, rate, chance)


def rows(*, quick: bool = False) -> Sequence[Row]:
    """In a process of its own, for its memory."""
    sizes = ["10", "16"] if quick else []
    argv = [sys.executable, "-m", "bench.watched", "--json", *sizes]
    ran = subprocess.run(argv, check=True, capture_output=True, text=True)
    found = json.loads(ran.stdout)
    share = found["used"] / EVERY
    return [
        Row(
            f"traffic: {RATE:,} connections a second watched", f"≤ {SHARE:.0%} of a core in ≤ {MEGABYTES} MB",
            f"{share:.1%} in {found['megabytes']:.0f} MB",
            passes=share <= SHARE and found["megabytes"] <= MEGABYTES and found["beacon"],
            notes=f"a million strangers; {found['kept']:,.0f} records kept, looked at every {EVERY} s",
        )
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measured(*map(int, sys.argv[2:]))) if "--json" in sys.argv else "\n".join(map(str, rows())))
