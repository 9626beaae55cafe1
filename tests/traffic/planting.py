"""Beacons, and what only looks like one, to be planted into records of Zeek."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
SOURCE = "10.0.1.6"
"""The machine of the published log, into whose records is planted."""


@dataclass(frozen=True)
class Beacon:
    """A program that sleeps for ``period`` seconds, longer or shorter by a share of at most ``jitter``, opens ``burst``
    connections each time, and misses a share of its calls.
    """

    period: float
    jitter: float
    burst: int = 1
    missed: float = 0.0
    least: int = 200
    most: int = 2_000

    def times(self, began: float, ended: float, chance: random.Random) -> Iterator[float]:
        moment = began + chance.random() * self.period
        while moment < ended:
            if chance.random() >= self.missed:
                yield moment
                yield from (moment + each * chance.uniform(0.01, 0.3) for each in range(1, self.burst))
            moment += self.period * (1 + chance.uniform(-self.jitter, self.jitter))

    def records(self, to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
        times = sorted(self.times(began, ended, chance))
        return [record(at, to, 443, chance, sent=chance.randint(self.least, self.most)) for at in times]


def record(
    at: float,
    to: str,
    port: int,
    chance: random.Random,
    *,
    sent: int = 500,
    source: str = SOURCE,
    protocol: str = "tcp",
) -> Record:
    return {
        "ts": at, "uid": f"C{chance.randrange(1 << 40):x}", "id_orig_h": source,
        "id_orig_p": chance.randint(49_152, 65_535),
        "id_resp_h": to, "id_resp_p": port, "proto": protocol, "service": "ssl" if port == 443 else "", "duration": 0.2,
        "orig_bytes": sent, "resp_bytes": chance.randint(200, 9_000), "conn_state": "SF", "orig_pkts": 6,
        "resp_pkts": 6,
    }  # fmt: skip


def people(to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
    """Somebody reads: bursts of connections, and pauses of no length in particular (log-normal, minutes to hours)."""
    found, moment = list[Record](), began + chance.random() * 600
    while moment < ended:
        found += [record(moment + chance.expovariate(1.0), to, 443, chance) for _ in range(chance.randint(1, 8))]
        moment += chance.lognormvariate(5.0, 1.2)
    return found


def by_chance(to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
    """Calls that have nothing to do with each other (a Poisson process)."""
    found, moment = list[Record](), began
    every = chance.choice((30.0, 120.0, 600.0))
    while (moment := moment + chance.expovariate(1 / every)) < ended:
        found.append(record(moment, to, 443, chance))
    return found


def clocks(to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
    """NTP: as regular as anything, and explained by its port."""
    return [{**each, "id_resp_p": 123, "proto": "udp"} for each in Beacon(64, 0.02).records(to, began, ended, chance)]


def updates(to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
    """A mirror of packages asked every hour; explained by the name that the client gives."""
    return [{**each, "server_name": "ftp.debian.org"} for each in Beacon(3600, 0.1).records(to, began, ended, chance)]


def monitoring(to: str, began: float, ended: float, chance: random.Random) -> list[Record]:
    """A health check of one own machine by another."""
    return Beacon(15, 0.0).records(f"10.0.9.{to.rpartition('.')[2]}", began, ended, chance)


HARMLESS = (people, by_chance, clocks, updates, monitoring)


def real(file: Path) -> list[Record]:
    """The records of a log."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def written(file: Path, *records: Sequence[Record]) -> Path:
    """All of them in one log, in the order of time."""
    together = sorted((each for some in records for each in some), key=lambda each: float(each["ts"]))
    file.write_text("".join(json.dumps(each) + "\n" for each in together))
    return file
