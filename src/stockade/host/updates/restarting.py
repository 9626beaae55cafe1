"""What still runs as it was before an update: programs and libraries that are gone from the disk, and the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stockade.host.facts.package import Package
from stockade.host.facts.process import Process
from stockade.host.facts.procfs import DELETED
from stockade.host.updates.version import in_order

IMAGE: Final = "linux-image-"
Owner = Callable[[str], "str | None"]


@dataclass(frozen=True, slots=True)
class Restart:
    """What has to be started anew: ``name`` is a program, a unit of systemd or the machine, ``package`` what was
    updated beneath it.
    """

    name: str
    command: str
    package: str
    pids: tuple[int, ...] = ()


def restarts(processes: Iterable[Process], owner: Owner) -> Iterator[Restart]:
    """Processes that use files which a package has replaced since."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for process in processes:
        old = {package for path in _gone(process) if (package := owner(path))}
        for package in sorted(old)[:1]:
            place = found.setdefault((_unit(process), process.exe.rpartition("/")[2] or process.name), [])
            place.append((process.pid, package))
    for (unit, program), those in sorted(found.items()):
        command = f"systemctl restart {unit}" if unit else f"start {program} anew"
        yield Restart(unit or program, command, those[0][1], tuple(pid for pid, _ in those))


def _gone(process: Process) -> Iterator[str]:
    if process.deleted and not process.in_memory:
        yield process.exe
    for library in process.libraries:
        if library.endswith(DELETED):
            yield library.removesuffix(DELETED)


def _unit(process: Process) -> str:
    """The service of systemd that a process is of, by its control group."""
    name = process.cgroup.rpartition("/")[2]
    return name if name.endswith(".service") and not name.startswith("user@") else ""


def reboot(packages: Mapping[str, Package], running: str, *, asked: bool) -> Restart | None:
    """Whether the machine has to start anew: a later kernel is there than the one that runs, or a package has asked.
    A kernel that no package here brought is another's: of the machine that a container is on.
    """
    images = {each.name.removeprefix(IMAGE): each for each in packages.values() if each.name.startswith(IMAGE)}
    kernels = {name: each for name, each in images.items() if name[:1].isdigit()}
    if running in kernels:
        latest = max(kernels, key=lambda name: in_order(kernels[name].version))
        if in_order(kernels[latest].version) > in_order(kernels[running].version):
            return Restart("the machine", "systemctl reboot", f"{IMAGE}{latest}")
    return Restart("the machine", "systemctl reboot", "a package has asked for it") if asked else None
