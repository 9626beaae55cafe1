"""All looks at a machine in their order: what is soon gone first, and what takes long last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final, TypeVar

from stockade.host.facts import bpf, hidden, kernel, packages, processes, sockets
from stockade.host.facts.inside import Hidden, Kernel, Program
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import kernel as in_kernel
from stockade.host.triage import listening, masks, preloads, running, talking
from stockade.host.triage.looking import Look, Machine, Progress, Told, looked

F = TypeVar("F")
SLICE: Final = 1 << 17
"""Numbers that are asked for at once."""


class Facts:
    """What is read of a machine, once each, when it is first asked for."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._unseen: list[Unseen] = []

    def unseen(self) -> Iterator[Unseen]:
        """What could not be read since this was last asked."""
        while self._unseen:
            yield self._unseen.pop(0)

    def _kept(self, read: tuple[F, Iterable[Unseen]]) -> F:
        self._unseen += read[1]
        return read[0]

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """All processes."""
        return self._kept(processes.read(self.machine.root))

    @cached_property
    def ours(self) -> tuple[Process, ...]:
        """The processes whose root is the machine's own: what others run, our packages know nothing of."""
        roots = [process.rooted for process in self.processes if process.rooted]
        root = max(set(roots), key=roots.count, default=None)
        foreign = [process for process in self.processes if process.rooted not in {root, None}]
        if foreign:
            what = f"the programs of {len(foreign)} processes in containers"
            self._unseen.append(
                Unseen(what, "the packages here know nothing of them", "Look inside of each container.")
            )
        return tuple(process for process in self.processes if process not in foreign)

    @cached_property
    def sockets(self) -> sockets.Sockets:
        """All sockets."""
        return self._kept(sockets.read(self.machine.root, self.processes))

    @cached_property
    def packages(self) -> packages.Packages:
        """What is installed."""
        return self._kept(packages.read(self.machine.root))

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel."""
        return self._kept(kernel.read(self.machine.root))

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """What the kernel runs."""
        return self._kept(bpf.read())

    @cached_property
    def hidden(self) -> Hidden:
        """Processes that are not listed."""
        return self._kept(hidden.read(self.machine.root))


def triage(machine: Machine, *, known: AbstractSet[str] | None = None) -> Iterator[Told]:
    """Look at everything; what is found is told as soon as it is. ``known`` are the listeners of the machine's picture,
    where there is one.
    """
    facts = Facts(machine)
    looks: Mapping[str, Look] = {
        "processes": lambda: _at_first_sight(facts),
        "the kernel": lambda: _kernel(facts),
        "hidden processes": lambda: in_kernel.hidden(machine.name, facts.hidden),
        "packages": lambda: _with_packages(facts),
        "listeners": lambda: _listening(facts, known),
        "every number of a process": lambda: _every_number(machine),
    }
    for told in looked(looks):
        yield told
        yield from facts.unseen()


def _at_first_sight(facts: Facts) -> Iterator[Oddity]:
    """What needs nothing but the processes and their sockets."""
    host, found = facts.machine.name, facts.processes
    yield from running.in_memory(host, found)
    yield from running.misplaced(host, found)
    yield from masks.kernel_like(host, found)
    yield from talking.reverse_shells(host, found, facts.sockets)


def _kernel(facts: Facts) -> Iterator[Oddity]:
    yield from in_kernel.hooks(facts.machine.name, facts.kernel)
    yield from in_kernel.promiscuous(facts.machine.name, facts.kernel)


def _with_packages(facts: Facts) -> Iterator[Oddity]:
    """What depends on whether a package brought it."""
    host, ours, owner = facts.machine.name, facts.ours, facts.packages.owner
    yield from running.deleted(host, facts.processes, owner)
    yield from running.unowned(host, ours, owner)
    yield from preloads.preloaded(host, ours, owner)
    yield from preloads.deleted(host, ours, owner)
    yield from masks.daemon_like(host, ours, owner)
    yield from talking.sniffers(host, facts.sockets, owner)
    yield from in_kernel.modules(host, facts.kernel, owner)
    yield from in_kernel.programs(host, facts.programs, facts.processes, owner)


def _listening(facts: Facts, known: AbstractSet[str] | None) -> Iterator[Oddity]:
    owner = facts.packages.owner
    waiting = listening.listeners(facts.sockets, owner)
    blind = any("open files" in process.unread for process in facts.processes)
    yield from listening.unknown(facts.machine.name, waiting, owner, known, blind=blind)


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
