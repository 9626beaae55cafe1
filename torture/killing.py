"""A log whose writer is killed while it appends, again and again: nothing that was answered is lost, and no alarm.

A writer appends with several threads and tells each number when it was answered; it is killed at a random moment. The
next one takes the log up. After each kill the log is verified, and every event that was answered must be in it.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from stockade.audit.keys import PublicKey
from stockade.audit.layout import GAP
from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.verify import verify

WRITER = """
import sys, threading, time
from pathlib import Path
from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event

log = AuditLog(Path(sys.argv[1]), Path(sys.argv[2]), rhythm=Rhythm(sign_within=0.003, sign_after=40, segment_size=9000))
lock = threading.Lock()

def work(thread):
    for number in range(1_000_000):
        log.append(Event(time.time(), "test.step", details={"run": sys.argv[3], "thread": thread, "n": number}))
        with lock:
            sys.stdout.write(f"{thread} {number}\\n")
            sys.stdout.flush()

print("ready", flush=True)
for thread in range(4):
    threading.Thread(target=work, args=(thread,)).start()
"""


def killed(place: Path, times: int, *, seed: int = 1, tell: Callable[[str], None] = lambda _: None) -> tuple[int, int]:
    """Kill so often; answers how many events were answered, and how many entries there are.

    Raises AssertionError when one that was answered is lost, Tampered when verifying finds fault with the log.
    """
    log, state, chance = place / "log", place / "signer", random.Random(seed)
    AuditLog.create(log, state, origin="torture.example/kill")
    keys = [PublicKey.parse(line) for line in (state / "key.pub").read_text().splitlines()]
    answered, seen, size = 0, set[tuple[object, ...]](), 0
    for run in range(times):
        expected = _one(log, state, run, chance.uniform(0.0, 0.08))
        answered += len(expected)
        report = verify(log, keys)
        for entry in entries(log, size):
            seen.add(tuple(entry.event.details.get(name) for name in ("run", "thread", "n")))
            size = entry.index + 1
        lost = expected - seen
        assert not lost, f"run {run}: {len(lost)} answered events are lost: {sorted(map(str, lost))[:3]}"
        assert not any(GAP in remark for remark in report.remarks), report.remarks
        if run % 100 == 99:
            tell(f"{run + 1} kills, {answered:,} events answered, {size:,} entries, none lost, no false alarm")
    AuditLog(log, state).close()
    return answered, verify(log, keys).head.size


def _one(log: Path, state: Path, run: int, seconds: float) -> set[tuple[object, ...]]:
    """Start a writer, kill it so many seconds after it is ready, and answer what it was answered."""
    argv = [sys.executable, "-c", WRITER, str(log), str(state), str(run)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n", "the writer did not start"
        end = monotonic() + seconds
        while monotonic() < end:
            sleep(0.002)
        writer.kill()
        told = [line for line in writer.stdout.read().split("\n")[:-1] if line.count(" ") == 1]
    return {(str(run), int(thread), int(number)) for thread, _, number in (line.partition(" ") for line in told)}
