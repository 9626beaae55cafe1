"""A log whose writer is killed while it appends, again and again: nothing that was answered is lost, and no alarm.

A writer appends with several threads and tells each number when it was answered; it is killed at a random moment. The
next one takes the log up. After each kill the log is verified, and every event that was answered must be in it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

from stockade.audit.keys import PublicKey
from stockade.audit.layout import GAP
from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.verify import verify

Step = tuple[object, ...]
"""An event: the number of the run, the thread, and the number there."""

WRITERS = """
import os, sys, threading, time
from pathlib import Path
from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event

RHYTHM = Rhythm(sign_within=0.003, sign_after=40, segment_size=9000)

def append(log, run, thread, lock):
    for number in range(1_000_000):
        log.append(Event(time.time(), "test.step", details={"run": run, "thread": thread, "n": number}))
        with lock:
            os.write(1, b"%d %d\\n" % (thread, number))

def write(run):
    log, lock = AuditLog(Path(sys.argv[1]), Path(sys.argv[2]), rhythm=RHYTHM), threading.Lock()
    os.write(1, b"ready\\n")
    threads = [threading.Thread(target=append, args=(log, run, thread, lock)) for thread in range(4)]
    for thread in threads:
        thread.start()
    threads[0].join()

for line in sys.stdin:
    child = os.fork()
    if not child:
        write(line.strip())
        os._exit(1)
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""
"""A process that has loaded everything once, and makes a writer of itself for each line that it is given."""


def killed(place: Path, times: int, *, seed: int = 1, tell: Callable[[str], None] = lambda _: None) -> tuple[int, int]:
    """Kill so often; answers how many events were answered, and how many entries there are.

    Raises AssertionError when one that was answered is lost, Tampered when verifying finds fault with the log.
    """
    log, state, chance = place / "log", place / "signer", random.Random(seed)
    AuditLog.create(log, state, origin="torture.example/kill")
    keys = [PublicKey.parse(line) for line in (state / "key.pub").read_text().splitlines()]
    answered, seen, size = 0, set[Step](), 0
    argv = [sys.executable, "-c", WRITERS, str(log), str(state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        for run in range(times):
            expected = _one(writers, run, chance.uniform(0.0, 0.06))
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


def _one(writers: subprocess.Popen[str], run: int, seconds: float) -> set[Step]:
    """Let one write, kill it so many seconds after it is ready, and answer what it was answered."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    writers.stdin.write(f"{run}\n")
    writers.stdin.flush()
    first = sorted([writers.stdout.readline(), writers.stdout.readline()])
    assert first[0].startswith("pid "), first
    assert first[1] == "ready\n", first
    sleep(seconds)
    os.kill(int(first[0][4:]), signal.SIGKILL)
    told = set[Step]()
    while (line := writers.stdout.readline()) != "dead\n":
        thread, _, number = line.partition(" ")
        told.add((str(run), int(thread), int(number)))
    return told
