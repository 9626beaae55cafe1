"""The processes of a machine: one pass over ``/proc``, and what of it was not ours to see."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from stockade.host.facts import procfs
from stockade.host.facts.process import File, Process
from stockade.host.oddity import Unseen
from stockade.host.patience import in_turn

T = TypeVar("T")

SEALED: Final = 0x0008 | 0x0002 | 0x0004
"""``F_SEAL_WRITE``, ``F_SEAL_SHRINK`` and ``F_SEAL_GROW``: nobody can change such a file in memory any more."""
GET_SEALS: Final = 1034
"""``F_GET_SEALS`` of fcntl(2)."""
MOST: Final = 8 << 20
"""Octets of one text that are read: an environment can have six million (execve(2))."""
LINES: Final = 64 << 20
"""Octets of the list of mapped files that are read: there can be 65,530 (vm.max_map_count)."""
OPEN: Final = 20_000
"""Open files of a process that are looked at."""
PATIENCE: Final = 3.0
"""Seconds that one process is waited for; what it uses may lie where nobody answers."""
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
    asked = dict(in_turn(pids, lambda pid: _answer(read_one(proc / str(pid), booted)), PATIENCE))
    silent = [pid for pid, answer in asked.items() if answer is None]
    read_ = [process for answer in asked.values() for process in answer or ()]
    found = sorted([*read_, *(_barely(proc / str(pid)) for pid in silent)], key=lambda each: each.pid)
    return tuple(found), (*_refused(tuple(read_)), *_silent(silent))


def _answer(found: Process | None) -> tuple[Process, ...]:
    return () if found is None else (found,)


def _barely(place: Path) -> Process:
    """What can be said of a process without touching anything that it uses."""
    try:
        line = procfs.stat((place / "stat").read_bytes().decode("utf-8", "backslashreplace"))
    except (OSError, ValueError):
        return Process(int(place.name))
    return Process(int(place.name), line.name, line.parent, state=line.state, unread=("all of it",))


def _silent(pids: Sequence[int]) -> Iterator[Unseen]:
    """Those that were waited for in vain."""
    if pids:
        named = ", ".join(map(str, pids[:5])) + (f" and {len(pids) - 5} more" if len(pids) > 5 else "")
        why = f"something that they use does not answer within {PATIENCE:g} s: a mount of somebody's own, perhaps"
        yield Unseen(f"processes {named}", why, f"grep -E 'fuse|nfs' /proc/{pids[0]}/mounts")


def read_one(place: Path, booted: float) -> Process | None:
    """One process, from its folder in ``/proc``; None when it is gone."""
    asked = _Asked(place)
    try:
        line, told = procfs.stat(asked.text("stat")), procfs.status(asked.text("status"))
    except (OSError, ValueError):
        return None
    if line.kernel or line.state in "ZX":
        return Process(int(place.name), line.name, line.parent, _uid(told), line.kernel, line.state)
    link = asked.may("program", lambda: _link(place / "exe")) or ""
    links = asked.may("open files", lambda: dict(_links(place / "fd"))) or {}
    argv = procfs.words(asked.may("command", lambda: asked.octets("cmdline")) or b"")
    exe, deleted, unplaced = procfs.program(link, argv)
    libraries = asked.may("libraries", lambda: _mapped(place)) or ()
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
        libraries,
        links,
        dict(_programs(place / "fdinfo", links)),
        asked.may("namespaces", lambda: {name: _namespace(place, name) for name in NAMESPACES}) or {},
        _last_group(asked.may("control group", lambda: asked.text("cgroup")) or ""),
        tuple(asked.refused),
        _feigned(place, dict.fromkeys((link, *libraries))),
        unplaced,
    )


def _feigned(place: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Names that say that a file was deleted, and the file is there by just that name."""
    return tuple(name for name in names if name.endswith(procfs.DELETED) and _inside(place, name))


def _mapped(place: Path) -> tuple[str, ...]:
    """Libraries, and whatever else code is run from."""
    with (place / "maps").open("rb") as file:
        lines = file.readlines(LINES)
    return procfs.mapped(b"".join(lines).decode("utf-8", "backslashreplace"))


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
    for name in os.listdir(place)[:OPEN]:  # noqa: PTH208  numbers, not paths
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
