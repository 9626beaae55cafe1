"""The looks at what lives on a machine: processes, sockets, and the kernel beneath them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from stockade.host.facts import callouts as callouts_of
from stockade.host.facts import hidden
from stockade.host.facts.inside import Hidden
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import callouts, listening, masks, preloads, running, talking
from stockade.host.triage import kernel as in_kernel
from stockade.host.triage.looking import Look, Machine, Progress, Told
from stockade.host.triage.seen import Facts

SLICE: Final = 1 << 17
"""Numbers that are asked for at once."""


def looks(facts: Facts, known: AbstractSet[str] | None) -> dict[str, Look]:
    """All of them, those first that need nothing but a moment. ``known`` are the listeners of the machine's picture,
    where there is one.
    """
    return {
        "processes": lambda: _at_first_sight(facts),
        "the kernel": lambda: _kernel(facts),
        "hidden processes": lambda: in_kernel.hidden(facts.machine.name, facts.hidden),
        "programs and packages": lambda: _with_packages(facts),
        "listeners": lambda: _listening(facts, known),
    }


def last(facts: Facts) -> dict[str, Look]:
    """What takes longer than all of those together."""
    return {"every number of a process": lambda: _every_number(facts.machine)}


def _at_first_sight(facts: Facts) -> Iterator[Oddity]:
    """What needs nothing but the processes and their sockets."""
    host, found = facts.machine.name, facts.processes
    yield from running.in_memory(host, found)
    yield from running.misplaced(host, found)
    yield from masks.kernel_like(host, found)
    yield from masks.deleted_like(host, found)
    yield from talking.reverse_shells(host, found, facts.sockets)


def _kernel(facts: Facts) -> Iterator[Oddity]:
    yield from in_kernel.hooks(facts.machine.name, facts.kernel)
    yield from in_kernel.promiscuous(facts.machine.name, facts.kernel)


def _with_packages(facts: Facts) -> Iterator[Oddity]:
    """What depends on whether a package brought it."""
    host, ours, owner, renewed = facts.machine.name, facts.ours, facts.packages.owner, facts.packages.renewed
    yield from running.deleted(host, facts.processes, owner, renewed)
    yield from running.unplaced(host, facts.processes, owner, renewed)
    yield from running.unowned(host, ours, owner)
    yield from preloads.preloaded(host, ours, owner)
    yield from preloads.deleted(host, ours, owner, renewed)
    yield from preloads.foreign(host, ours, owner)
    yield from masks.daemon_like(host, ours, owner)
    yield from talking.sniffers(host, facts.sockets, owner)
    yield from callouts.foreign(host, callouts_of.read(facts.machine.root) if not facts.kernel.contained else (), owner)
    yield from in_kernel.modules(host, facts.kernel, owner)
    yield from in_kernel.programs(host, facts.programs, facts.processes, owner, contained=facts.kernel.contained)


def _listening(facts: Facts, known: AbstractSet[str] | None) -> Iterator[Oddity]:
    owner = facts.packages.owner
    waiting = listening.listeners(facts.sockets, owner)
    blind = any("open files" in process.unread for process in facts.processes)
    yield from listening.unknown(facts.machine.name, waiting, owner, known, blind=blind, home=facts.sockets.home)


def _every_number(machine: Machine) -> Iterator[Told]:
    """Ask for the numbers that were not asked for at first: there may be four million."""
    proc, what = machine.root / "proc", "every number of a process"
    begin, end = hidden.near(proc), hidden.far(proc)
    if not machine.thorough and begin < end:
        yield Unseen("processes that hide", f"numbers above {begin} were not asked for", "Leave --quick out.")
        return
    for start in range(begin, end, SLICE):
        yield Progress(what, start - begin, end - begin)
        found = tuple(hidden.unlisted(proc, range(start, min(start + SLICE, end))))
        yield from in_kernel.hidden(machine.name, Hidden(found))
