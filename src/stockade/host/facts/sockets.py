"""The sockets of a machine, of every network namespace that a process lives in, and who holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stockade.host.facts.netfiles import INET, Socket, parsed
from stockade.host.facts.process import Process
from stockade.host.oddity import Unseen

FILES: Final = (*INET, "packet")
NAMED: Final = "run/netns"
EPHEMERAL: Final = (32_768, 60_999)
"""Ports that the kernel hands out, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """All sockets, those who hold each by its inode, the ports that the kernel hands out by itself, and the network
    namespace that is the machine's own, 0 where that is not known.
    """

    all: tuple[Socket, ...] = ()
    holders: Mapping[int, Sequence[Process]] = field(default_factory=dict)
    ephemeral: tuple[int, int] = EPHEMERAL
    home: int = 0

    def handed_out(self, port: int) -> bool:
        """Whether a port may be any: a client's, chosen by the kernel."""
        return self.ephemeral[0] <= port <= self.ephemeral[1]


def read(root: Path, processes: Iterable[Process]) -> tuple[Sockets, tuple[Unseen, ...]]:
    """The sockets of every network namespace that one of the processes lives in."""
    living = list(processes)
    first = _inhabited(living)
    found, refused = list[Socket](), list[str]()
    for namespace, pid in first.items():
        for name in FILES:
            try:
                text = (root / "proc" / str(pid) / "net" / name).read_text()
            except FileNotFoundError:
                continue  # a kernel without that protocol, or a process that has just ended
            except OSError as error:
                refused.append(f"{name} of process {pid}: {error.strerror}")
                continue
            found += parsed(name, text, namespace)
    sockets = Sockets(tuple(found), _holders(living), _handed_out(root), _home(living))
    unseen = [Unseen("sockets", "; ".join(refused[:3]), "Look as root.")] if refused else []
    return sockets, (*unseen, *_uninhabited(root, first))


def _inhabited(processes: Iterable[Process]) -> dict[int, int]:
    """A process of each network namespace; ``self`` where no process says which it is in."""
    found: dict[int, int] = {}
    for process in processes:
        namespace = process.namespaces.get("net")
        if namespace:
            found.setdefault(namespace, process.pid)
    return found


def _home(processes: Iterable[Process]) -> int:
    """The namespace that most processes live in."""
    counted = Counter(process.namespaces["net"] for process in processes if "net" in process.namespaces)
    return counted.most_common(1)[0][0] if counted else 0


def _holders(processes: Iterable[Process]) -> Mapping[int, Sequence[Process]]:
    found: dict[int, list[Process]] = {}
    for process in processes:
        for inode in set(process.sockets().values()):
            found.setdefault(inode, []).append(process)
    return found


def _handed_out(root: Path) -> tuple[int, int]:
    with suppress(OSError, ValueError):
        low, high = (root / "proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(low), int(high)
    return EPHEMERAL


def _uninhabited(root: Path, inhabited: Mapping[int, int]) -> Iterator[Unseen]:
    """Network namespaces that were given a name (ip-netns(8)) and that no process lives in."""
    empty = list[str]()
    with suppress(OSError):
        named = sorted((root / NAMED).iterdir())
        empty += [path.name for path in named if path.stat().st_ino not in inhabited]
    if empty:
        names = ", ".join(empty[:5]) + (f" and {len(empty) - 5} more" if len(empty) > 5 else "")
        yield Unseen(
            f"network namespaces {names}", "no process lives there to look through", "ip netns exec NAME ss -anp"
        )
