"""How many of Zeek's connection records a review reads in a minute, and how much memory it takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from bench.rows import Row

BAR, MEMORY = 1_000_000, 1_000
BEGAN = 1_700_000_000.0
FIELDS = (
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes"),
    *("resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history", "orig_pkts", "orig_ip_bytes"),
    *("resp_pkts", "resp_ip_bytes", "tunnel_parents"),
)
PORTS = (
    ((443, "tcp", "ssl"),) * 10
    + ((53, "udp", "dns"),) * 8
    + ((80, "tcp", "http"), (22, "tcp", "ssh"), (123, "udp", "ntp"))
)


def records(count: int, *, seed: int = 1) -> Iterator[tuple[object, ...]]:
    """A day of 400 machines that talk to 40,000 destinations, a few of them most of the time; and one beacon."""
    chance = random.Random(seed)
    outside = [f"{chance.randrange(11, 126)}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(40_000)]
    for number in range(count):
        moment = BEGAN + 86_400 * number / count
        port, protocol, service = chance.choice(PORTS)
        source = f"10.0.{chance.randrange(4)}.{chance.randrange(1, 101)}"
        destination = outside[int(40_000 * chance.random() ** 4)] if port != 53 else "10.0.0.53"
        if number % max(1, count // 1_400) == 0:
            source, destination, port, protocol, service = "10.0.1.66", "203.0.113.9", 8443, "tcp", "ssl"
        state = "S0" if chance.random() < 0.02 else "SF"
        sent, got = chance.randrange(100, 4_000), chance.randrange(100, 90_000)
        yield (
            f"{moment:.6f}", f"C{number:x}", source, chance.randrange(32_768, 61_000), destination, port, protocol,
            service,
            f"{chance.expovariate(0.3):.6f}", sent, got, state, "T", "F", 0, "ShADadFf", 9, sent + 360, 12,
            got + 480, "-",
        )  # fmt: skip


def tabbed(file: Path, count: int) -> None:
    """As Zeek writes it."""
    with file.open("w") as out:
        out.write("#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(FIELDS) + "\n")
        out.writelines("\t".join(map(str, each)) + "\n" for each in records(count))


def objects(file: Path, count: int) -> None:
    """The same as JSON; times and numbers are numbers there."""
    with file.open("w") as out:
        for each in records(count):
            named = dict(zip(FIELDS, each, strict=True))
            named |= {"ts": float(str(each[0])), "duration": float(str(each[8]))}
            out.write(json.dumps(named, separators=(",", ":")) + "\n")


def pace(file: Path) -> tuple[float, int]:
    """Seconds that the command takes, and the most memory that a command has taken so far, in MB."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "stockade", "traffic", "review", "--json", str(file)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, cwd=file.parent)
    return time.perf_counter() - began, getrusage(RUSAGE_CHILDREN).ru_maxrss // 1000


def rows(count: int = 1_000_000) -> Sequence[Row]:
    """Tab-separated text and JSON, from the start of the command to its answer."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("tab-separated", tabbed), ("JSON", objects)):
            file = Path(folder) / "conn.log"
            write(file, count)
            seconds, megabytes = pace(file)
            speed = count / seconds * 60
            found.append(
                Row(
                    f"traffic: Zeek connection records a minute, {name}", f"≥ {BAR:,} in ≤ 1 GB",
                    f"{speed:,.0f} in {megabytes} MB", passes=speed >= BAR and megabytes <= MEMORY,
                    notes=f"{count:,} records, read, compared and judged; 2 cores",
                )
            )  # fmt: skip
    return found


if __name__ == "__main__":
    print("\n".join(map(str, rows())))
