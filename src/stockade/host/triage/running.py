"""Programs that run from where no honest program runs: deleted, in memory, in folders that anybody can write into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stockade.events import Ref
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity


def odd(host: str, processes: Iterable[Process]) -> Iterator[Oddity]:
    """All of them."""
    for process in processes:
        if process.in_memory and not process.sealed:
            yield in_memory(host, process)


def in_memory(host: str, process: Process) -> Oddity:
    """A program that was never a file on a disk."""
    return Oddity(
        "memory-binary",
        "high",
        f"process {process.pid} runs a program that was never on a disk: {process.exe}",
        Ref(host, "process", str(process.pid)),
        "What runs from memory alone leaves nothing behind to be found and hashed.",
        f"cp /proc/{process.pid}/exe /somewhere/safe && sha256sum /proc/{process.pid}/exe",
        "runc, systemd and some browsers do so, from memory that is sealed; this is not.",
        ("T1620",),
        {"pid": process.pid, "exe": process.exe, "command": process.command},
    )
