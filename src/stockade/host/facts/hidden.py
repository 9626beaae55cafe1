"""Processes that ``/proc`` does not list, and those that something was mounted over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.host.facts import procfs
from stockade.host.facts.inside import Hidden
from stockade.host.oddity import Unseen

ROUNDS: Final = 3
"""Looks at a number before it counts as hidden: processes begin and end all the time."""
AHEAD: Final = 1024
"""Numbers beyond the last that are asked for as well, at first."""


def read(root: Path) -> tuple[Hidden, tuple[Unseen, ...]]:
    """Ask for every number up to those that were given out last whether there is a process."""
    proc = root / "proc"
    try:
        mounts = (proc / "self/mountinfo").read_text()
    except OSError as error:
        return Hidden(), (Unseen("hidden processes", f"/proc cannot be read: {error.strerror}"),)
    covers = tuple(covered(mounts))
    if "hidepid=" in mounts and os.geteuid() != 0:
        return Hidden((), covers), (Unseen("hidden processes", "/proc hides those of others", "Look as root."),)
    return Hidden(tuple(unlisted(proc, range(1, near(proc)))), covers), ()


def near(proc: Path) -> int:
    """A number well beyond the last that was given out; few processes are beyond it, where numbers have begun anew."""
    with suppress(OSError, ValueError):
        last = int((proc / "loadavg").read_text().split()[-1])
        return min(far(proc), max(last, *listed(proc)) + AHEAD)
    return AHEAD


def far(proc: Path) -> int:
    """The number from which on there can be no process."""
    with suppress(OSError, ValueError):
        return int((proc / "sys/kernel/pid_max").read_text())
    return 1 << 22


def unlisted(proc: Path, numbers: Iterable[int]) -> Iterator[int]:
    """The numbers whose processes ``/proc`` does not list."""
    return hidden(numbers, lambda: tasks(proc), answering, lambda number: leads(proc, number))


def hidden(
    numbers: Iterable[int],
    known: Callable[[], set[int]],
    answering: Callable[[Iterable[int]], Iterator[int]],
    leads: Callable[[int], bool],
) -> Iterator[int]:
    """The numbers that answer, lead their threads, and are never ``known`` however often one looks.

    A number that is no process of its own is a thread of one: threads answer too and are not listed.
    """
    first = known()
    suspects = [number for number in answering(numbers) if number not in first]
    for _ in range(ROUNDS):
        if not suspects:
            return
        now = known()
        suspects = [number for number in answering(suspects) if number not in now and leads(number)]
    yield from suspects


def listed(proc: Path) -> list[int]:
    """The numbers that ``/proc`` lists."""
    return [int(name) for name in os.listdir(proc) if name.isdecimal()]  # noqa: PTH208  numbers, not paths


def tasks(proc: Path) -> set[int]:
    """The numbers that ``/proc`` lists, and those of all their threads."""
    found = set[int]()
    for pid in listed(proc):
        found.add(pid)
        try:
            found.update(int(name) for name in os.listdir(proc / str(pid) / "task"))  # noqa: PTH208
        except (OSError, ValueError):
            continue
    return found


def answering(numbers: Iterable[int]) -> Iterator[int]:
    """Those that there is a process or a thread of; no signal is sent (kill(2))."""
    for number in numbers:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        yield number


def leads(proc: Path, number: int) -> bool:
    """Whether a number is a process and no thread, as far as ``/proc`` still says so."""
    try:
        told = procfs.status((proc / str(number) / "status").read_text())
    except OSError:
        return True  # it answers, and cannot be read: hidden all the more
    return told.get("Tgid") == str(number)


def covered(mounts: str) -> Iterator[int]:
    """The processes whose folder has something mounted over it, by ``/proc/self/mountinfo``."""
    for line in mounts.splitlines():
        where = line.split()[4] if len(line.split()) > 4 else ""
        number = where.removeprefix("/proc/")
        if where != number and number.isdecimal():
            yield int(number)
