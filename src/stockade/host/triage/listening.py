"""Who waits for connections, and whether anybody knows why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.facts.netfiles import Socket
from stockade.host.facts.process import Process
from stockade.host.facts.sockets import Sockets
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.masks import INTERPRETERS
from stockade.host.triage.naming import MOST, Owner, facts

OF_THE_KERNEL: Final = frozenset({111, 2049, 4045, 20048, 51820, 4789, 8472, 6081, 4500, 500, 1701})
"""Ports at which the kernel itself may listen: NFS, WireGuard, VXLAN, Geneve, IPsec, L2TP."""
TELLTALE: Final = frozenset({1337, 4444, 5554, 6666, 6667, 9999, 12345, 31337, 54321})
"""Ports that tools of intruders take unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Something that waits: what it listens at and who it is, told so that a restart changes nothing.

    ``port`` is 0 for one that the kernel has chosen; ``program`` is the package, else the file.
    """

    transport: str
    port: int
    program: str
    uid: int
    open: bool
    sockets: tuple[Socket, ...]
    processes: Sequence[Process]

    @property
    def key(self) -> str:
        """What is the same of it tomorrow: ``tcp 22 openssh-server uid 0``."""
        return f"{self.transport} {self.port or 'any'} {self.program} uid {self.uid}{'' if self.open else ' loopback'}"


def listeners(sockets: Sockets, owner: Owner) -> tuple[Listener, ...]:
    """All that waits. Both families of one listener are one, and a client's UDP socket is none."""
    found: dict[tuple[object, ...], Listener] = {}
    for socket in sockets.all:
        if not socket.waits or (socket.transport == "udp" and (socket.port == 0 or sockets.handed_out(socket.port))):
            continue
        held = sockets.holders.get(socket.inode, ())
        program = (owner(held[0].exe) or held[0].exe or held[0].name) if held else ""
        port = 0 if sockets.handed_out(socket.port) else socket.port
        uid = held[0].uid if held else socket.uid
        key = (socket.transport, port, program, uid, not socket.loopback)
        place = (*key, socket.namespace)
        before = found.get(place)
        found[place] = Listener(
            *key, (*(before.sockets if before else ()), socket), before.processes if before else held
        )
    return tuple(found.values())


def unknown(
    host: str, waiting: Sequence[Listener], owner: Owner, known: AbstractSet[str] | None, *, blind: bool, home: int = 0
) -> Iterator[Oddity]:
    """Those that the machine's picture does not have; without a picture, those that nothing explains. Listeners of one
    program that are judged alike are told together.

    ``known`` are the keys of the picture. ``blind`` when open files of some process could not be read. ``home`` is the
    network namespace of the machine itself.
    """
    told: dict[tuple[Severity, str, str, int], list[Listener]] = {}
    for listener in waiting:
        verdict = _judged(listener, owner, known, blind=blind, home=home)
        if verdict is not None:
            told.setdefault((*verdict, listener.program, listener.uid), []).append(listener)
    for (severity, harmless, _, _), those in told.items():
        first = those[0]
        yield Oddity(
            "unknown-listener",
            severity,
            f"{_who(first)} waits for connections at {_where(those)}",
            Ref(host, "socket", f"{first.transport}/{first.sockets[0].port}"),
            "A back door waits at a port until somebody knocks.",
            f"ss -lnp | grep ':{first.sockets[0].port} '",
            harmless,
            ("T1571", "T1205"),
            _facts(those),
        )


def _judged(
    listener: Listener, owner: Owner, known: AbstractSet[str] | None, *, blind: bool, home: int
) -> tuple[Severity, str] | None:
    """How bad, and why it may be harmless; None for what nobody needs to hear of."""
    if not listener.processes:
        return _of_nobody(listener, blind=blind)
    if home and listener.sockets[0].namespace not in {0, home}:
        return "informational", "It listens in a network of its own, as containers do, not in the machine's."
    owned = bool(owner(listener.processes[0].exe))
    if known is not None:
        new: Severity = "medium" if owned else "high"
        return None if listener.key in known else (new, "What was installed since the picture was taken is not in it.")
    if not owned:
        return _of_unowned(listener)
    return _of_interpreter(listener) if INTERPRETERS.fullmatch(places.name(listener.processes[0].exe)) else None


def _of_interpreter(listener: Listener) -> tuple[Severity, str] | None:
    """A program of a package that runs what it is given: whose that is, the package does not tell."""
    if listener.port in TELLTALE:
        return "medium", "Tools of intruders take this port by habit; a package owns the interpreter, not what it runs."
    return None


def _of_unowned(listener: Listener) -> tuple[Severity, str]:
    """Without a picture: a program that no package owns."""
    if listener.port in TELLTALE:
        return "medium", "Any program may take this port; tools of intruders do by habit, and no package owns this one."
    if not listener.open:
        return "informational", "It can be reached from this machine alone."
    return "low", "Programs installed without a package listen too; with a picture of the machine this would be known."


def _of_nobody(listener: Listener, *, blind: bool) -> tuple[Severity, str] | None:
    if blind:
        return "informational", "Some processes did not show their open files; one of them may hold it."
    if listener.port in OF_THE_KERNEL or listener.transport == "udp":
        return "informational", "The kernel itself listens there for NFS, tunnels and VPNs."
    return (
        "medium",
        "The kernel listens for NFS, tunnels and VPNs, at other ports; every process was asked for it.",
    )


def _who(listener: Listener) -> str:
    if not listener.processes:
        return "something that no process holds"
    first = listener.processes[0]
    return f"process {first.pid} ({places.name(first.exe) or first.name})"


def _where(those: Sequence[Listener]) -> str:
    sockets = list(dict.fromkeys(str(socket) for listener in those for socket in listener.sockets))
    return ", ".join(sockets[:3]) + (f" and {len(sockets) - 3} more" if len(sockets) > 3 else "")


def _facts(those: Sequence[Listener]) -> Mapping[str, object]:
    ports = sorted({socket.port for listener in those for socket in listener.sockets})
    processes = list({each.pid: each for listener in those for each in listener.processes}.values())
    more = {"listeners": [listener.key for listener in those[:MOST]], "ports": ports[:MOST]}
    return facts(processes, **more) if processes else more
