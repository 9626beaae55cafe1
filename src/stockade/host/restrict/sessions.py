"""Finds the connection by which the operator works: that of the sshd above this process, else of $SSH_CONNECTION."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.host.facts.netfiles import TCP, parsed
from stockade.host.facts.procfs import number_in, stat
from stockade.host.restrict.named import Connection, address_of

PROC: Final = Path("/proc")
DEEPEST: Final = 64
"""Processes above this one that are looked at."""


def connections(text: str, protocol: str = "tcp") -> Iterator[tuple[Connection, int]]:
    """The established connections of /proc/net/tcp or tcp6 (proc_pid_net(5)), each with the inode of its socket."""
    for each in parsed(protocol, text):
        if each.state == "established":
            ends = address_of(each.address), each.port, address_of(each.remote), each.remote_port
            yield Connection(*ends), each.inode


def listed(proc: Path = PROC) -> dict[int, Connection]:
    """Those of this network namespace, by inode."""
    found: dict[int, Connection] = {}
    for name in TCP:
        with suppress(OSError):
            text = (proc / "self" / "net" / name).read_text()
            found |= {inode: connection for connection, inode in connections(text, name)}
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


def elsewhere(terminal: int = 0) -> bool:
    """Whether this command is typed at a pseudo terminal (pts(4)): of mosh, of a console in a browser, of tmux whose
    session has ended. Who types there may be anywhere.
    """
    with suppress(OSError):
        return os.ttyname(terminal).startswith("/dev/pts/")
    return False


def _above(pid: int, proc: Path) -> Iterator[int]:
    for _ in range(DEEPEST):
        if pid <= 1:
            return
        yield pid
        pid = _parent(pid, proc)


def _parent(pid: int, proc: Path) -> int:
    with suppress(OSError, ValueError):
        return stat((proc / str(pid) / "stat").read_text(errors="replace")).parent
    return 0


def _sockets(pid: int, proc: Path) -> Iterator[int]:
    with suppress(OSError):
        for each in sorted((proc / str(pid) / "fd").iterdir()):
            with suppress(OSError):
                link = str(each.readlink())
                if link.startswith("socket:"):
                    yield number_in(link)


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
