"""The processes of a machine: one pass over ``/proc``, and what of it was not ours to see."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from stockade.host.facts import procfs
from stockade.host.facts.process import File, Process
from stockade.host.oddity import Unseen

T = TypeVar("T")

SEALED: Final = 0x0008 | 0x0002 | 0x0004
"""``F_SEAL_WRITE``, ``F_SEAL_SHRINK`` and ``F_SEAL_GROW``: nobody can change such a file in memory any more."""
GET_SEALS: Final = 1034
"""``F_GET_SEALS`` of fcntl(2)."""
MOST: Final = 1 << 20
"""Octets of one text that are read."""
SEARCHED: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
NAMESPACES: Final = ("mnt", "net", "pid", "user")


def read(root: Path) -> tuple[tuple[Process, ...], tuple[Unseen, ...]]:
    """Every process that ``/proc`` lists, in the order of their numbers. One that ends meanwhile is left out."""
    proc = root / "proc"
    try:
        booted = procfs.booted((proc / "stat").read_text())
        pids = sorted(int(name) for name in os.listdir(proc) if name.isdecimal())  # noqa: PTH208  numbers, not paths
    except OSError as error:
        return (), (Unseen("processes", f"/proc cannot be read: {error.strerror}", "Mount it, and look again."),)
    found = tuple(process for pid in pids if (process := read_one(proc / str(pid), booted)) is not None)
    return found, tuple(_refused(found))


def read_one(place: Path, booted: float) -> Process | None:
    """One process, from its folder in ``/proc``; None when it is gone."""
    asked = _Asked(place)
    try:
        line, told = procfs.stat(asked.text("stat")), procfs.status(asked.text("status"))
    except (OSError, ValueError):
        return None
    if line.kernel or line.state in "ZX":
        return Process(int(place.name), line.name, line.parent, _uid(told), line.kernel, line.state)
    exe, deleted = procfs.file_of(asked.may("program", lambda: _link(place / "exe")) or "")
    links = asked.may("open files", lambda: dict(_links(place / "fd"))) or {}
    argv = procfs.words(asked.may("command", lambda: asked.octets("cmdline")) or b"")
    return Process(
        int(place.name),
        line.name,
        line.parent,
        _uid(told),
        line.kernel,
        line.state,
        booted + line.ticks / os.sysconf("SC_CLK_TCK"),
        argv,
        exe,
        deleted,
        _file(place / "exe") if exe else None,
        _inside(place, exe),
        _called(place, procfs.called(argv), exe),
        exe.startswith(procfs.MEMFD) and _sealed(place / "exe"),
        _environment(place, exe),
        _file(place / "root/."),
        procfs.preloads(asked.may("environment", lambda: asked.octets("environ")) or b""),
        procfs.mapped(asked.may("libraries", lambda: asked.text("maps")) or ""),
        links,
        dict(_programs(place / "fdinfo", links)),
        asked.may("namespaces", lambda: {name: _namespace(place, name) for name in NAMESPACES}) or {},
        _last_group(asked.may("control group", lambda: asked.text("cgroup")) or ""),
        tuple(asked.refused),
    )


class _Asked:
    """Reads the texts of one process, and remembers which were refused."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.refused: list[str] = []

    def octets(self, name: str) -> bytes:
        with (self._place / name).open("rb") as file:
            return file.read(MOST)

    def text(self, name: str) -> str:
        return self.octets(name).decode("utf-8", "backslashreplace")

    def may(self, what: str, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except PermissionError:
            self.refused.append(what)
        except OSError:
            pass
        return None


def _uid(told: Mapping[str, str]) -> int:
    """The effective user of ``Uid:``, which has four."""
    numbers = told.get("Uid", "").split()
    return int(numbers[1]) if len(numbers) > 1 else -1


def _last_group(text: str) -> str:
    """The path in the hierarchy that comes last: the only one of cgroups(7) version 2."""
    return text.strip().rpartition(":")[2]


def _link(path: Path) -> str:
    return os.readlink(path)  # noqa: PTH115  the kernel names what is no path, too


def _links(place: Path) -> Iterator[tuple[int, str]]:
    for name in os.listdir(place):  # noqa: PTH208  numbers, not paths
        with suppress(FileNotFoundError):
            yield int(name), _link(place / name)


def _programs(place: Path, links: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """The eBPF programs among open files, by what ``fdinfo`` says of them."""
    for fd, link in links.items():
        if link == "anon_inode:bpf-prog":
            with suppress(OSError, ValueError, KeyError):
                told = procfs.status((place / str(fd)).read_text())
                yield int(told["prog_id"]), int(told["prog_type"])


def _namespace(place: Path, name: str) -> int:
    return procfs.number_in(_link(place / "ns" / name))


def _file(path: Path) -> File | None:
    """What a path leads to. Nothing is opened."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _inside(place: Path, path: str) -> File | None:
    """What a path leads to for the process itself, which may live in a container."""
    return _file(place / "root" / path.lstrip("/")) if path.startswith("/") else None


def _called(place: Path, word: str, exe: str) -> File | None:
    """What the first word of a command leads to; one without a folder is looked for where services lie, unless the
    program has that name itself.
    """
    if "/" in word or not word or word == PurePosixPath(exe).name:
        return _inside(place, word)
    return next((found for folder in SEARCHED if (found := _inside(place, f"{folder}/{word}"))), None)


def _environment(place: Path, exe: str) -> str:
    """The folder of the Python environment that a program lies in (PEP 405), empty where it does in none."""
    above = PurePosixPath(exe).parents if exe.startswith("/") else ()
    found = (str(folder) for folder in above if _inside(place, f"{folder}/pyvenv.cfg"))
    return next(found, "")


def _sealed(exe: Path) -> bool:
    """Whether a program in memory is sealed (memfd_create(2)): then it is what it was when it was started."""
    try:
        opened = os.open(exe, os.O_RDONLY | os.O_NOATIME | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return fcntl.fcntl(opened, GET_SEALS) & SEALED == SEALED
    except OSError:
        return False
    finally:
        os.close(opened)


def _refused(found: tuple[Process, ...]) -> Iterator[Unseen]:
    """What was refused, in as few words as it takes."""
    refused = [process for process in found if process.unread]
    first = [process for process in refused if process.pid == 1]
    if first and len(refused) == 1:
        what = ", ".join(first[0].unread)
        yield Unseen(f"process 1: {what}", "not even root may, inside a container", "Look from the machine outside.")
    elif refused:
        what = ", ".join(dict.fromkeys(each for process in refused for each in process.unread))
        yield Unseen(f"{len(refused)} of {len(found)} processes: {what}", "permission denied", "Look as root.")
