"""Takes the picture of a machine that is known to be good, to which it is compared ever after."""

from __future__ import annotations

from collections.abc import Iterator

from stockade.host.facts import integrity
from stockade.host.oddity import Unseen
from stockade.host.picture import Picture
from stockade.host.triage.familiar import CONTENT, LISTENER, PACKAGE
from stockade.host.triage.listening import Listener, listeners
from stockade.host.triage.looking import Machine
from stockade.host.triage.seen import Facts


def taken(machine: Machine) -> tuple[Picture, tuple[Unseen, ...]]:
    """The picture of a machine as it is now, and what could not be put into it."""
    facts = Facts(machine)
    kinds = {
        LISTENER: {each.key: "" for each in _waiting(facts)},
        PACKAGE: {name: package.version for name, package in facts.packages.installed.items()},
        CONTENT: integrity.contents(machine.root, facts.packages),
        **facts.lasting,
    }
    unseen = tuple(facts.unseen())
    return Picture(machine.name, machine.now, kinds, tuple(f"{each.what}: {each.why}" for each in unseen)), unseen


def _waiting(facts: Facts) -> Iterator[Listener]:
    """Who waits in the network of the machine itself: containers come and go."""
    for each in listeners(facts.sockets, facts.packages.owner):
        if each.processes and each.sockets[0].namespace == facts.sockets.home:
            yield each
