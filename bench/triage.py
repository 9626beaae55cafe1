"""How soon a look at this machine shows its first finding, and how long it takes: in a hurry, and thoroughly."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from bench.rows import Row

PROGRAM: Final = Path(sys.executable).with_name("stockade")
FIRST_BAR: Final = 1.0
QUICK_BAR: Final = 2.0
FULL_BAR: Final = 30.0


def rows(*, rounds: int, whole: bool) -> Sequence[Row]:
    """``rounds`` looks in a hurry, and one at the ``whole``, beside a program that hides by its name."""
    with tempfile.TemporaryDirectory() as name, hiding(Path(name)):
        first = median(until_shown(Path(name)) for _ in range(rounds))
        quick = median(took(Path(name), "--quick") for _ in range(rounds))
        full = took(Path(name)) if whole else None
    processes = sum(name.isdecimal() for name in os.listdir("/proc"))  # noqa: PTH208  numbers, not paths
    found = [
        row("first finding on the screen, from the start of the command", first, FIRST_BAR),
        row("processes, sockets, the kernel, what starts by itself", quick, QUICK_BAR, f"{processes} processes"),
    ]
    if full is not None:
        found.append(row("all of it, with every file of every package", full, FULL_BAR))
    return found


def row(title: str, seconds: float, bar: float, notes: str = "") -> Row:
    return Row(title, f"≤ {bar:g} s", f"{seconds:.2f} s", seconds / bar, seconds <= bar, notes)


@contextmanager
def hiding(folder: Path) -> Iterator[None]:
    """A program that is a finding for as long as the block lasts."""
    copy = shutil.copy(shutil.which("sleep") or "/bin/sleep", folder / ".cache-upd")
    process = subprocess.Popen([copy, "120"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def until_shown(folder: Path) -> float:
    """Seconds until the finding stands on a terminal."""
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "host", "triage", "--quick"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=calm(folder)
    )
    os.close(theirs)
    said = b""
    while b".cache-upd" not in said:
        said += os.read(ours, 65_536)
    seconds = time.perf_counter() - began
    try:
        while os.read(ours, 65_536):
            pass
    except OSError:
        pass  # it has ended
    os.close(ours)
    process.wait()
    return seconds


def took(folder: Path, *options: str) -> float:
    began = time.perf_counter()
    argv = [str(PROGRAM), "host", "triage", "--json", *options]
    subprocess.run(argv, cwd=folder, env=calm(folder), check=False, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def calm(folder: Path) -> dict[str, str]:
    """No configuration, and nowhere that anything would be recorded."""
    return {**os.environ, "STOCKADE_STATE": str(folder / "state"), "TERM": "xterm", "COLUMNS": "200"}
