"""How processes are named in what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from stockade.events import Ref
from stockade.host.facts.process import Process

K = TypeVar("K", bound=Hashable)
Owner = Callable[[str], str | None]
"""Which package a file belongs to."""
Renewed = Callable[[str, float], bool]
"""Whether a package may have been renewed since a moment."""
MOST: Final = 20
"""Processes that are named one by one."""
LONGEST: Final = 200
"""Characters of a command."""


def ref(host: str, process: Process) -> Ref:
    """A process as what an oddity is about."""
    return Ref(host, "process", str(process.pid))


def who(processes: Sequence[Process]) -> str:
    """``process 7``, or ``processes 7, 8 and 3 more``."""
    numbers = [str(process.pid) for process in processes]
    if len(numbers) == 1:
        return f"process {numbers[0]}"
    shown = ", ".join(numbers[:3])
    return f"processes {shown}" + (f" and {len(numbers) - 3} more" if len(numbers) > 3 else "")


def explained(processes: Iterable[Process], package: str | None, renewed: Renewed) -> bool:
    """Whether an update of the package has replaced what each of them runs: it came after they were started."""
    return package is not None and all(renewed(package, process.started) for process in processes)


def facts(processes: Sequence[Process], **more: object) -> Mapping[str, object]:
    """What was read of processes that are told in one oddity. A command may hold a secret, and only its first word is
    told.
    """
    first = processes[0]
    return {
        "pids": [process.pid for process in processes[:MOST]],
        "count": len(processes),
        "uid": first.uid,
        "exe": first.exe,
        "command": (first.argv[0] if first.argv else first.name)[:LONGEST],
        "started": round(min(process.started for process in processes), 2),
        **more,
    }


def grouped(processes: Iterable[Process], key: Callable[[Process], K]) -> Mapping[K, Sequence[Process]]:
    """Processes that have something in common, in the order in which they come."""
    found: dict[K, list[Process]] = {}
    for process in processes:
        found.setdefault(key(process), []).append(process)
    return found
