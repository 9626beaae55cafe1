"""Finds the connection by which the operator works: that of the sshd above this process, else of $SSH_CONNECTION."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from stockade.host.restrict.named import Address, Connection, address_of

PROC: Final = Path("/proc")
ESTABLISHED: Final = "01"
LISTENING: Final = "0A"
DEEPEST: Final = 64
"""Processes above this one that are looked at."""


def connections(text: str, state: str = ESTABLISHED) -> Iterator[tuple[Connection, int]]:
    """The TCP connections in a state, each with the inode of its socket, of /proc/net/tcp or tcp6 (proc(5))."""
    for words in (line.split() for line in text.splitlines()[1:]):
        if len(words) > 9 and words[3] == state:
            (local, port), (peer, peer_port) = _end(words[1]), _end(words[2])
            yield Connection(local, port, peer, peer_port), int(words[9])


def listed(proc: Path = PROC, state: str = ESTABLISHED) -> dict[int, Connection]:
    """Those of this network namespace, by inode."""
    found: dict[int, Connection] = {}
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            text = (proc / "self" / "net" / name).read_text()
            found |= {inode: connection for connection, inode in connections(text, state)}
    return found


def established(proc: Path = PROC) -> tuple[Connection, ...]:
    """The TCP connections with other machines."""
    return tuple(sorted({c for c in listed(proc).values() if not c.peer.is_loopback}, key=str))


def own(pid: int | None = None, proc: Path = PROC) -> tuple[Connection, ...]:
    """The connection that this command is given over; none at a console, or where it cannot be told, as under tmux.

    The nearest process above this one that has one has the right one: sshd, or an agent of a provider, which may have
    several. sudo forgets $SSH_CONNECTION, so that of the processes above is asked, too; it counts only while that
    connection is there.
    """
    there = {inode: each for inode, each in listed(proc).items() if not each.peer.is_loopback}
    above = list(_above(os.getpid() if pid is None else pid, proc))
    for each in above:
        if held := {there[inode] for inode in _sockets(each, proc) if inode in there}:
            return tuple(sorted(held, key=str))
    said = {_said(_environ(each, proc)) for each in above}
    return tuple(sorted({each for each in there.values() if each in said}, key=str))


def tunnelled(pid: int | None = None, proc: Path = PROC) -> bool:
    """Whether this command is given over a connection from the machine itself: what leads further is not known then."""
    inner = {inode for inode, each in listed(proc).items() if each.peer.is_loopback}
    above = _above(os.getpid() if pid is None else pid, proc)
    return any(_name(each, proc).startswith("sshd") and inner & set(_sockets(each, proc)) for each in above)


def others(proc: Path = PROC) -> tuple[Connection, ...]:
    """The connections of every sshd: some of them may be the operator's where his own cannot be told."""
    there = listed(proc)
    held = {inode for pid in _processes(proc) if _name(pid, proc).startswith("sshd") for inode in _sockets(pid, proc)}
    return tuple(sorted({c for i, c in there.items() if i in held and not c.peer.is_loopback}, key=str))


def _above(pid: int, proc: Path) -> Iterator[int]:
    for _ in range(DEEPEST):
        if pid <= 1:
            return
        yield pid
        pid = _parent(pid, proc)


def _parent(pid: int, proc: Path) -> int:
    """The name of a process is in parentheses and may hold anything, so its last one is looked for."""
    with suppress(OSError, ValueError, IndexError):
        return int((proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return 0


def _sockets(pid: int, proc: Path) -> Iterator[int]:
    with suppress(OSError):
        for each in sorted((proc / str(pid) / "fd").iterdir()):
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(each.readlink())):
                    yield int(found[1])


def _processes(proc: Path) -> Iterator[int]:
    return (int(each.name) for each in proc.iterdir() if each.name.isdecimal())


def _name(pid: int, proc: Path) -> str:
    with suppress(OSError):
        return (proc / str(pid) / "comm").read_text(errors="replace").strip()
    return ""


def _environ(pid: int, proc: Path) -> Mapping[str, str]:
    with suppress(OSError):
        pairs = (proc / str(pid) / "environ").read_bytes().decode(errors="replace").split("\0")
        return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)
    return {}


def _said(environ: Mapping[str, str]) -> Connection | None:
    """$SSH_CONNECTION: the client's address and port, and the server's (ssh(1))."""
    words = environ.get("SSH_CONNECTION", "").split()
    with suppress(ValueError, IndexError):
        return Connection(address_of(words[2]), int(words[3]), address_of(words[0]), int(words[1]))
    return None


def _end(text: str) -> tuple[Address, int]:
    """An address as the kernel prints it: words of four octets in its own order, in hexadecimal."""
    words, _, port = text.partition(":")
    octets = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    return address_of(str(ip_address(octets))), int(port, 16)
