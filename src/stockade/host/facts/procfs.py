"""The texts of ``/proc`` about processes, taken apart as proc(5) describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

KERNEL_THREAD: Final = 0x0020_0000
"""``PF_KTHREAD`` of ``include/linux/sched.h``: the kernel's own, whatever it is called."""
DELETED: Final = " (deleted)"
UNPLACED: Final = "/"
"""What ``/proc/PID/exe`` leads to when the file was the root of a mount that was taken away."""
MEMFD: Final = "/memfd:"
PRELOADS: Final = (b"LD_PRELOAD=", b"LD_AUDIT=")
"""What has the loader put libraries into a program that it was not linked with (ld.so(8))."""


@dataclass(frozen=True, slots=True)
class Stat:
    """``/proc/PID/stat``: the name, the state's letter, the parent, whether it is the kernel's, and when it started, in
    ticks since the machine did.
    """

    name: str
    state: str
    parent: int
    kernel: bool
    ticks: int


def stat(text: str) -> Stat:
    """Take it apart; a name may hold spaces and brackets, so the last bracket counts. Raises ValueError."""
    head, bracket, tail = text.rpartition(")")
    fields = tail.split()
    if not bracket or len(fields) < 20:
        raise ValueError("not a line of /proc/PID/stat")
    return Stat(
        head.partition("(")[2], fields[0], int(fields[1]), bool(int(fields[6]) & KERNEL_THREAD), int(fields[19])
    )


def status(text: str) -> dict[str, str]:
    """``/proc/PID/status`` by name; also ``/proc/PID/fdinfo/FD``, which is written alike."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def words(octets: bytes) -> tuple[str, ...]:
    """``/proc/PID/cmdline``: the words of a command. What a program has written over them comes as one word."""
    return (
        tuple(word.decode("utf-8", "backslashreplace") for word in octets.rstrip(b"\0").split(b"\0")) if octets else ()
    )


def called(argv: tuple[str, ...]) -> str:
    """What a command calls itself: its first word as far as a space or a colon, which titles have behind it, and
    without the dash of a login.
    """
    return re.split(r"[\s:]", argv[0].lstrip("-"), maxsplit=1)[0] if argv else ""


def preloads(environ: bytes) -> tuple[str, ...]:
    """The variables of ``/proc/PID/environ`` that preload libraries, and nothing else of what stands there."""
    found = (each for each in environ.split(b"\0") if each.startswith(PRELOADS) and not each.endswith(b"="))
    return tuple(each.decode("utf-8", "backslashreplace") for each in found)


def mapped(maps: str) -> tuple[str, ...]:
    """The files of ``/proc/PID/maps`` that code is run from, each once; a deleted one keeps its mark."""
    lines = (line.split(None, 5) for line in maps.splitlines() if "/" in line)
    return tuple(
        dict.fromkeys(parts[5] for parts in lines if len(parts) == 6 and "x" in parts[1] and parts[5][0] == "/")
    )


def program(link: str, argv: tuple[str, ...]) -> tuple[str, bool, bool]:
    """What ``/proc/PID/exe`` names, whether that was deleted since, and whether nobody knows its place any more; then
    it is what the command calls itself.
    """
    exe, said = link.removesuffix(DELETED), called(argv)
    unplaced = exe == UNPLACED
    return said if unplaced and said.startswith("/") else exe, link.endswith(DELETED), unplaced


def booted(text: str) -> float:
    """When the machine started, in seconds since the epoch: ``btime`` of ``/proc/stat``. 0 where it does not say."""
    found = (line.split() for line in text.splitlines() if line.startswith("btime "))
    return float(next(found, ["", "0"])[1])


def number_in(link: str) -> int:
    """The number between the brackets of ``socket:[4711]`` or ``net:[4026531833]``; 0 where there is none."""
    digits = link.partition("[")[2].rstrip("]")
    return int(digits) if digits.isdecimal() else 0
