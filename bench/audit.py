"""What it costs to have an event on disk, and to find out whether a million of them are still what was written.

``python -m bench.audit``
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Final

import uvloop

from bench.rows import Row
from stockade.audit.awaiting import Awaiting
from stockade.audit.concealing import Concealer
from stockade.audit.keys import PublicKey
from stockade.audit.log import AuditLog
from stockade.audit.prove import prove
from stockade.audit.reading import lines
from stockade.audit.verify import verify
from stockade.events import Event, Ref, Secret

WAITERS: Final = 256
ALICE: Final = Ref("stockade", "user", "alice")
RATE, LATE, ALONE = 45_000, 25.0, 0.5
ALL, ONE, FLOORS = 3.5, 2.0, 3.0
PLACE: Final = "STOCKADE_BENCH_DISK"
"""Names a directory on the disk to measure; the temporary directory, if unset."""

Times = list[float]


def rows(*, events: int, rounds: int) -> list[Row]:
    """Appending, a few rounds of which the best counts; then verifying a log of so many events."""
    with tempfile.TemporaryDirectory(prefix="stockade-bench-", dir=os.environ.get(PLACE)) as folder:
        place = Path(folder)
        many = [appended(place / f"many{n}", events // 5, WAITERS) for n in range(rounds)]
        one = [appended(place / f"one{n}", max(100, events // 300), 1) for n in range(rounds)]
        return [*_append_rows(many, one), *verified(place / "verify", events, rounds)]


def appended(place: Path, number: int, waiters: int) -> tuple[float, Times]:
    """Events a second, and the milliseconds that each has waited, in order."""
    Concealer.create(place / "secrets")
    script = Concealer(place / "secrets").script
    AuditLog.create(place / "log", place / "signer", origin="bench.example/audit")
    with AuditLog(place / "log", place / "signer", script=script) as log:
        gc.collect()
        gc.freeze()
        waited: Times = []
        took = uvloop.run(_flood(log, number, waiters, waited))
        gc.unfreeze()
    return number / took, sorted(waited)


async def _flood(log: AuditLog, number: int, waiters: int, waited: Times) -> float:
    door, left = Awaiting(log), deque(range(number))

    async def work() -> None:
        while left:
            event = made(left.popleft())
            began = perf_counter()
            await door.append(event)
            waited.append((perf_counter() - began) * 1e3)

    began = perf_counter()
    await asyncio.gather(*(work() for _ in range(waiters)))
    return perf_counter() - began


def made(number: int) -> Event:
    """An event of some 500 octets, two of whose values are secret."""
    details = {
        "name": "deploy",
        "scopes": ["read_api", "write_repository"],
        "token": Secret(f"glpat-{number}"),
        "session": Secret(f"session-{number}"),
        "after": {"expires": "2027-01-01"},
    }
    target = Ref("stockade", "token", str(number))
    return Event(time.time(), "token.create", ALICE, target, "203.0.113.9", "success", details)


def _append_rows(many: list[tuple[float, Times]], one: list[tuple[float, Times]]) -> list[Row]:
    rate, waited = max(many)
    alone = min((_part(times, 0.5), rate) for rate, times in one)
    late = _part(waited, 0.99)
    figures = f"{rate:,.0f} events/s; p50 {_part(waited, 0.5):.1f}, p99 {late:.1f}, at most {waited[-1]:.0f} ms"
    how = (
        "two values as HMAC, JSON, synced, read back, RFC 6962 tree and tiles, heads signed with Ed25519 and ML-DSA-44"
    )
    bar = f"≥ {RATE:,} events/s at p99 ≤ {LATE:g} ms"
    return [
        Row(f"on disk, {WAITERS} waiting in one loop", bar, figures, RATE / rate, rate >= RATE and late <= LATE, how),
        Row("on disk, one waiting", f"p50 ≤ {ALONE:g} ms", f"p50 {alone[0]:.2f} ms; {alone[1]:,.0f} events/s",
            alone[0] / ALONE, alone[0] <= ALONE, "the same"),
    ]  # fmt: skip


def verified(place: Path, events: int, rounds: int) -> list[Row]:
    """All of a log, beside nothing but its hashes; and one event of it."""
    AuditLog.create(place / "log", place / "signer", origin="bench.example/audit")
    with AuditLog(place / "log", place / "signer", most_waiting=events + 1) as log:
        for number in range(events):
            log.offer(made(number))
    keys = [PublicKey.parse(line) for line in (place / "signer" / "key.pub").read_text().splitlines()]
    entries = list(lines(place / "log", 0))
    floor = min(_took(lambda: floor_of(entries)) for _ in range(rounds))
    entries.clear()
    ours = min(_took(lambda: verify(place / "log", keys)) for _ in range(rounds))
    proof = min(_took(lambda: prove(place / "log", events // 3)) for _ in range(rounds * 5)) * 1e3
    file = prove(place / "log", events // 3)
    check = min(_took(lambda: file.check(keys)) for _ in range(rounds * 5)) * 1e3
    octets = sum(path.stat().st_size for path in (place / "log" / "segments").iterdir()) / 1e6
    bar = f"≤ {ALL * events / 1e6:.1f} s and ≤ {FLOORS:g} × the floor"
    holds = ours <= ALL * events / 1e6 and ours <= FLOORS * floor
    return [
        Row(f"nothing but the SHA-256 of {events:,} events", "", f"{floor:.2f} s", 1.0, None, "leaves and nodes"),
        Row(f"verify {events:,} events", bar, f"{ours:.2f} s", ours / floor, holds, f"{octets:,.0f} MB, all tiles"),
        Row("verify one event", f"≤ {ONE:g} ms", f"{check:.2f} ms", check / ONE, check <= ONE, "two signatures"),
        Row("make the proof of one event", "", f"{proof:.2f} ms", None, None, "from cold tiles, and checked"),
    ]  # fmt: skip


def floor_of(entries: list[bytes]) -> None:
    """The least that hashing takes: every leaf and every node once, in the simplest loops, with nothing read."""
    level = [sha256(b"\0" + line).digest() for line in entries]
    while len(level) > 1:
        level = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]


def _took(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _part(times: Times, share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


if __name__ == "__main__":
    for row in rows(events=int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, rounds=3):
        sys.stdout.write(f"{row.title:<48} {row.measured}  {row.bar}  {row.passes}\n")
