"""How many beacons a review finds that were planted into real records, and how many alarms were false.

``python -m bench.planted ZEEK_CONN.log`` prints the table of ``docs/why/traffic.md``.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import Review, review
from stockade.lines.stamps import Dating
from tests.traffic.planting import HARMLESS, Beacon, Record, real, written

DAY = 86_400.0
OWN = ("10.0.0.0/8",)
SHORT = (10.0, 30.0, 60.0, 120.0)
"""Periods that come often enough within the half hour of the published log."""
LONG = (10.0, 60.0, 300.0, 900.0, 3600.0, 7200.0)
JITTERS = (0.0, 0.05, 0.1, 0.2, 0.3)
SHAPES: tuple[dict[str, Any], ...] = ({}, {"burst": 3}, {"missed": 0.1}, {"least": 20_000, "most": 90_000})


@dataclass(frozen=True)
class Score:
    """What came of one planting: beacons planted and found, and what else was more than a note."""

    name: str
    planted: int
    found: int
    beside: int
    other: tuple[str, ...]


def beacons(periods: tuple[float, ...], jitter: float, seeds: int) -> Iterator[Beacon]:
    """Every period in every shape."""
    for period in periods:
        for shape in SHAPES:
            yield from [Beacon(period, jitter, **shape)] * seeds


def looked(*records: list[Record]) -> Review:
    """A review of records."""
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder) / "conn.log", *records)
        return review([file], Places(OWN), Dating(time.time))


def score(name: str, log: list[Record], kinds: list[Beacon], length: float, *, harmless: int = 0) -> Score:
    """Plant beacons and harmless conversations into a log, for so many seconds, and compare the answer."""
    chance = random.Random(7)
    began = min(float(each["ts"]) for each in log)
    planted = {f"203.0.{113 + n // 200}.{n % 200 + 1}": kind for n, kind in enumerate(kinds)}
    evil = [each for to, kind in planted.items() for each in kind.records(to, began, began + length, chance)]
    good = [
        each
        for number in range(harmless)
        for each in HARMLESS[number % len(HARMLESS)](f"198.51.100.{number + 1}", began, began + length, chance)
    ]
    above = looked(log, evil, good).above_note
    told = {str(each.facts.get("destination")) for each in above if each.signal == "traffic-beacon"}
    other = [each.title for each in above if str(each.facts.get("destination")) not in planted]
    return Score(name, len(planted), len(told & set(planted)), harmless, tuple(other))


def scores(log: list[Record], *, seeds: int = 3) -> Iterator[Score]:
    """The published log as it is; with beacons for its own half hour; and for a day, beside harmless conversations."""
    length = max(float(each["ts"]) for each in log) - min(float(each["ts"]) for each in log)
    yield score("as published", log, [], length)
    for jitter in JITTERS:
        yield score(f"half an hour, jitter {jitter:.0%}", log, list(beacons(SHORT, jitter, seeds)), length)
    for jitter in JITTERS:
        yield score(f"a day, jitter {jitter:.0%}", log, list(beacons(LONG, jitter, seeds)), DAY, harmless=100)


if __name__ == "__main__":
    for each in scores(real(Path(sys.argv[1]))):
        recall = f"{each.found} of {each.planted}" if each.planted else "–"
        print(
            f"| {each.name} | {recall} | {len(each.other)} beside {each.beside} harmless |", *each.other, sep="\n    "
        )
