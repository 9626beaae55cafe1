"""How fast an old access log is replayed with five rules, and in how much memory."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from bench.rows import Row
from stockade.guard.conditions import method, path, status
from stockade.guard.logs import replay
from stockade.guard.policy import Policy
from stockade.guard.rules import Allow2Ban, Fail2Ban, Throttle

MEGABYTES = 200
BAR = 150_000
FIVE_RULES = (
    Throttle("all", limit=600, period=60),
    Throttle("sign-in", limit=10, period=60, when=path("/users/sign_in") & method("POST")),
    Throttle("api", limit=300, period=60, when=path("/api/**")),
    Allow2Ban("guessing", maxretry=30, findtime=180, bantime=3600, when=status(401)),
    Fail2Ban("probing", maxretry=3, findtime=600, bantime=3600, when=path("**/wp-login.php", "/.env", "/.git/config")),
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "git/2.39.2",
)


def write_log(target: Path, megabytes: float, *, clients: int = 20_000, paths: int = 3_000, seed: int = 1) -> None:
    """An access log as of a forge: a few busy clients and pages, and many rare ones."""
    chance = random.Random(seed)
    with target.open("w") as file:
        written = 0
        for batch in _batches(chance, clients, paths):
            written += file.write(batch)
            if written >= megabytes * 1e6:
                return


def _batches(chance: random.Random, clients: int, paths: int) -> Iterator[str]:
    addresses = [f"{chance.randrange(128, 224)}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(clients)]
    requests = [
        *_pages(chance, paths),
        *[("POST /users/sign_in", 302), ("POST /users/sign_in", 401), ("GET /.env", 404)],
    ]
    moment = 1_700_000_000.0
    while True:
        who = chance.choices(addresses, cum_weights=_weights(len(addresses)), k=1000)
        what = chance.choices(requests, cum_weights=_weights(len(requests)), k=1000)
        lines = []
        for address, (request, answer) in zip(who, what, strict=True):
            moment += chance.expovariate(100.0)
            stamp = datetime.fromtimestamp(int(moment), UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            size, agent = chance.randrange(200, 90_000), AGENTS[len(address) % 3]
            lines.append(f'{address} - - [{stamp}] "{request} HTTP/1.1" {answer} {size} "-" "{agent}"\n')
        yield "".join(lines)


def _pages(chance: random.Random, count: int) -> Iterator[tuple[str, int]]:
    for n in range(count):
        kind = chance.choice(("/group/project-%d", "/assets/webpack/chunk-%d.js", "/api/v4/projects/%d?per_page=20"))
        yield f"GET {kind % n}", chance.choice((200, 200, 200, 200, 200, 304, 304, 302, 404))


_REMEMBERED: dict[int, list[float]] = {}


def _weights(count: int) -> list[float]:
    """Zipf's: the n-th is asked for one n-th as often as the first."""
    if count not in _REMEMBERED:
        _REMEMBERED[count] = list(accumulate(1 / (n + 10) for n in range(count)))
    return _REMEMBERED[count]


def measure(log: Path) -> dict[str, float]:
    """Replay a log in this process."""
    began, busy = time.perf_counter(), time.process_time()
    report = replay.run(log, Policy(FIVE_RULES))
    return {
        "lines": report.lines,
        "refused": report.refused,
        "seconds": time.perf_counter() - began,
        "busy": time.process_time() - busy,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured_apart(log: Path) -> dict[str, float]:
    """The same in a process of its own, so that its memory is its own."""
    argv = [sys.executable, "-m", "bench.replay", str(log)]
    ran = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def rows(megabytes: int = MEGABYTES) -> Sequence[Row]:
    """Speed on a long log, and that a log ten times as long takes no more memory."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder, "short.log"), Path(folder, "long.log")
        write_log(short, megabytes / 10)
        write_log(long, megabytes)
        few, many = measured_apart(short), measured_apart(long)
    pace = many["lines"] / many["busy"]
    grown = many["megabytes"] / few["megabytes"]
    return [
        Row(
            "replay: access-log lines a second of one core, five rules",
            f"≥ {BAR:,}",
            f"{pace:,.0f}",
            passes=pace >= BAR,
            notes=f"{many['lines']:,.0f} lines, {megabytes} MB, in {many['seconds']:.1f} s",
        ),
        Row(
            "replay: memory on a log ten times as long",
            "the same",
            f"{many['megabytes']:.0f} MB after {few['megabytes']:.0f} MB",
            ratio=grown,
            passes=grown <= 1.25,
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))) if len(sys.argv) > 1 else "\n".join(map(str, rows())))
