"""The facts of one machine that lives, read once each, when the first look asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from stockade.host.facts import bpf, hidden, kernel, packages, placed, processes, sockets, walked
from stockade.host.facts.inside import Hidden, Kernel, Program
from stockade.host.facts.process import Process
from stockade.host.oddity import Unseen
from stockade.host.triage import familiar
from stockade.host.triage.familiar import Kinds
from stockade.host.triage.looking import Machine

F = TypeVar("F")


class Facts:
    """What is read of a machine, once each, when it is first asked for; ``picture`` has the things of its picture."""

    def __init__(self, machine: Machine, picture: Kinds | None = None) -> None:
        self.machine, self.picture = machine, picture
        self._unseen: list[Unseen] = []
        self._programs: tuple[tuple[Program, ...], tuple[Unseen, ...]] = ((), ())

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
        self._programs = bpf.read()
        return self._kept(processes.read(self.machine.root))

    @cached_property
    def ours(self) -> tuple[Process, ...]:
        """The processes whose root is the machine's own: what others run, our packages know nothing of."""
        roots = [process.rooted for process in self.processes if process.rooted]
        root = next((root for root, _ in Counter(roots).most_common(1)), None)
        ours = tuple(process for process in self.processes if process.rooted in {root, None})
        if foreign := len(self.processes) - len(ours):
            what = f"the programs of {foreign} processes in containers"
            self._unseen.append(
                Unseen(what, "the packages here know nothing of them", "Look inside of each container.")
            )
        return ours

    @cached_property
    def sockets(self) -> sockets.Sockets:
        """All sockets."""
        return self._kept(sockets.read(self.machine.root, self.processes))

    @cached_property
    def packages(self) -> packages.Packages:
        """What is installed."""
        return self._kept(packages.read(self.machine.root))

    @cached_property
    def placement(self) -> placed.Placement:
        """What will run again by itself, or lets somebody in."""
        return self._kept(placed.read(self.machine.root))

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel."""
        return self._kept(kernel.read(self.machine.root))

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """What the kernel runs, and has run since before the processes were read, of which one may hold it."""
        self.processes  # noqa: B018  read first
        still = {program.id for program in bpf.read()[0]}
        before, unseen = self._programs
        return self._kept((tuple(program for program in before if program.id in still), unseen))

    @cached_property
    def hidden(self) -> Hidden:
        """Processes that are not listed."""
        return self._kept(hidden.read(self.machine.root))

    @cached_property
    def lasting(self) -> Kinds:
        """What stays the same from day to day, as a picture holds it."""
        return {
            familiar.FILE: {**self.placement.picture(), **walked.rights(self.machine.root)},
            familiar.MODULE: {module.name: module.taint for module in self.kernel.modules},
            familiar.FORMAT: {each.name: f"{each.interpreter} {each.flags}" for each in self.kernel.formats},
            familiar.INTERFACE: {each.name: "" for each in self.kernel.listening},
        }
