"""All looks at a machine in their order: what is soon gone first, and what takes long last."""

from __future__ import annotations

from collections.abc import Iterator

from stockade.host.facts.processes import read as read_processes
from stockade.host.triage import running
from stockade.host.triage.looking import Look, Machine, Told, looked


def triage(machine: Machine) -> Iterator[Told]:
    """Look at everything; what is found is told as soon as it is."""
    looks: dict[str, Look] = {"processes": lambda: _processes(machine)}
    yield from looked(looks)


def _processes(machine: Machine) -> Iterator[Told]:
    found, unseen = read_processes(machine.root)
    yield from unseen
    yield from running.odd(machine.name, found)
