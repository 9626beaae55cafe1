"""A process, as the kernel shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from stockade.host.facts import procfs

File: TypeAlias = tuple[int, int]
"""A file by its device and inode: the same under every name it has."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel shows it.

    ``exe`` is the program's file as the kernel names it, empty where there is none or it cannot be read; ``deleted``
    when the name is gone, ``file`` what it is all the same, ``now`` what that name leads to in the process's own root
    today, and ``called`` what the first word of its command leads to there. ``sealed`` is a program in memory that can
    not be changed, ``environment`` the folder of the Python environment that a program lies in, ``rooted`` the folder
    that is the process's root. ``started`` is in seconds since the epoch. ``links`` are its open files by number, as
    the kernel names them, ``programs`` its eBPF programs, each with its type. ``unread`` is what was refused,
    ``feigned`` are files it runs code from whose names only say that they were deleted. ``unplaced`` when its program
    was mounted by itself and that mount is gone: then nobody knows where it lay, and ``exe`` is what it calls itself.
    """

    pid: int
    name: str = ""
    parent: int = 0
    uid: int = 0
    kernel: bool = False
    state: str = "S"
    started: float = 0.0
    argv: tuple[str, ...] = ()
    exe: str = ""
    deleted: bool = False
    file: File | None = None
    now: File | None = None
    called: File | None = None
    sealed: bool = False
    environment: str = ""
    rooted: File | None = None
    preloads: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    links: Mapping[int, str] = field(default_factory=dict)
    programs: Mapping[int, int] = field(default_factory=dict)
    namespaces: Mapping[str, int] = field(default_factory=dict)
    cgroup: str = ""
    unread: tuple[str, ...] = ()
    feigned: tuple[str, ...] = ()
    unplaced: bool = False

    @property
    def command(self) -> str:
        """Its command in a line, else its name in brackets as ``ps`` writes it."""
        return " ".join(self.argv) if self.argv else f"[{self.name}]"

    @property
    def in_memory(self) -> bool:
        """Whether its program was never a file on a disk."""
        return self.exe.startswith(procfs.MEMFD)

    def sockets(self) -> Mapping[int, int]:
        """Its sockets: the inode of each by the number of the open file."""
        return {fd: procfs.number_in(link) for fd, link in self.links.items() if link.startswith("socket:[")}
