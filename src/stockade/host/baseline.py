"""Takes the picture of a machine that is known to be good, to which it is compared ever after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stockade.host.facts.inside import Kernel
from stockade.host.oddity import Unseen
from stockade.host.picture import Picture
from stockade.host.triage.listening import Listener, listeners
from stockade.host.triage.looking import Machine
from stockade.host.triage.seen import Facts

LISTENER = "listener"


def taken(machine: Machine) -> tuple[Picture, tuple[Unseen, ...]]:
    """The picture of a machine as it is now, and what could not be put into it."""
    facts = Facts(machine)
    kinds = {
        LISTENER: {each.key: "" for each in _waiting(facts)},
        "package": {name: package.version for name, package in facts.packages.installed.items()},
        "file": facts.placement.picture(),
        **dict(_of_kernel(facts.kernel)),
    }
    unseen = tuple(facts.unseen())
    return Picture(machine.name, machine.now, kinds, tuple(f"{each.what}: {each.why}" for each in unseen)), unseen


def _waiting(facts: Facts) -> Iterator[Listener]:
    """Who waits in the network of the machine itself: containers come and go."""
    for each in listeners(facts.sockets, facts.packages.owner):
        if each.processes and each.sockets[0].namespace == facts.sockets.home:
            yield each


def _of_kernel(kernel: Kernel) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "module", {module.name: module.taint for module in kernel.modules}
    yield "program format", {each.name: f"{each.interpreter} {each.flags}" for each in kernel.formats}
    yield "promiscuous interface", {each.name: "" for each in kernel.listening}
