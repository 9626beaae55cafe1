"""Programs that run without a file, or from where no honest program lies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import Final

from stockade.events import Severity
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner, Renewed, explained, facts, grouped, ref, who

INSTANCE: Final = re.compile(r"@[^.]*(?=\.)")
"""What tells apart the units that are made of one template (systemd.unit(5))."""


def in_memory(host: str, processes: Iterable[Process]) -> Iterator[Oddity]:
    """Programs that were never a file on a disk (memfd_create(2))."""
    for (exe, sealed), those in grouped((p for p in processes if p.in_memory), lambda p: (p.exe, p.sealed)).items():
        yield Oddity(
            "memory-binary",
            "informational" if sealed else "high",
            f"{who(those)} {_runs(those)} a program that was never on a disk: {exe}",
            ref(host, those[0]),
            "What runs from memory alone leaves no file behind to be found and hashed.",
            f"sha256sum /proc/{those[0].pid}/exe; cp /proc/{those[0].pid}/exe to where the evidence goes",
            "Its memory is sealed, as runc, crun and systemd seal theirs: nobody has changed it since it was started."
            if sealed
            else "runc and systemd do so from memory that is sealed; this one is not.",
            ("T1620",),
            facts(those, sealed=sealed),
        )


def deleted(host: str, processes: Iterable[Process], owner: Owner, renewed: Renewed) -> Iterator[Oddity]:
    """Programs whose file was deleted while they run; an update does so too, and puts another in its place."""
    gone = (process for process in processes if process.deleted and not process.in_memory and not process.unplaced)
    for (exe, back), those in grouped(gone, lambda p: (p.exe, p.now is not None)).items():
        package = owner(exe)
        severity, harmless = _of_deleted(exe, package, back=back, updated=explained(those, package, renewed))
        yield Oddity(
            "deleted-binary",
            severity,
            f"{who(those)} {_runs(those)} a program whose file was deleted: {exe}",
            ref(host, those[0]),
            "Who deletes a program once it runs does not want it to be found and hashed.",
            f"sha256sum /proc/{those[0].pid}/exe; ls -l /proc/{those[0].pid}/cwd /proc/{those[0].pid}/fd",
            harmless,
            ("T1070.004",),
            facts(those, package=package, replaced=back),
        )


def _of_deleted(exe: str, package: str | None, *, back: bool, updated: bool) -> tuple[Severity, str]:
    if package and back and not updated:
        return (
            "medium",
            f"An update of {package} would explain it, and there was none since; who puts things back does this too.",
        )
    if package and back:
        return "informational", f"An update of {package} has put a new file there; the old one runs until a restart."
    if places.is_open(exe) or places.is_memory(exe) or places.hides(exe):
        return (
            "high",
            "An update puts a new file in the place of the old, in a folder of its own; this folder is no such.",
        )
    if package:
        return (
            "low",
            f"{package} has it on its list, and it is not there: an update may be under way, or was broken off.",
        )
    if back:
        return "informational", "Another file is in its place: what updates itself does that. No package owns it."
    return "medium", "What was uninstalled while it ran, or built anew, looks like this. No package owned it."


def unplaced(host: str, processes: Iterable[Process], owner: Owner, renewed: Renewed) -> Iterator[Oddity]:
    """Programs whose file was mounted by itself, and the mount is gone: nobody can tell any more where they lay.

    systemd mounts the program of a service so where its unit has ``ExecPaths=`` (systemd.exec(5)), as that of Redis in
    Debian does, and an update takes the mount away.
    """
    gone = (process for process in processes if process.unplaced)
    for (exe, cgroup, was_deleted), those in grouped(gone, lambda p: (p.exe, p.cgroup, p.deleted)).items():
        unit, package = INSTANCE.sub("@", places.name(cgroup)), owner(exe)
        whose = owner(f"/usr/lib/systemd/system/{unit}") if unit else None
        updated = was_deleted and bool(whose) and explained(those, package, renewed)
        yield Oddity(
            "deleted-binary",
            "informational" if updated else "high",
            f"{who(those)} {_runs(those)} a program that lies nowhere any more, and is called {exe}",
            ref(host, those[0]),
            "Who mounts a program by itself and takes the mount away runs what nobody finds by its path.",
            f"sha256sum /proc/{those[0].pid}/exe; cat /proc/{those[0].pid}/cgroup; systemctl cat {quote(unit)}",
            f"It is in {unit} of the package {whose}; systemd mounts it so (ExecPaths=) until an update of {package}."
            if updated
            else "systemd mounts programs of services so, until an update; this is of no package's unit, or none came.",
            ("T1070.004", "T1564.013"),
            facts(those, package=package, unit=unit),
        )


def misplaced(host: str, processes: Iterable[Process]) -> Iterator[Oddity]:
    """Programs that run from where anybody may put one, or from where none belongs."""
    odd = (
        process for process in processes if process.exe.startswith("/") and not process.deleted and _odd(process.exe)
    )
    for exe, those in grouped(odd, lambda p: p.exe).items():
        severity, harmless = _of_misplaced(those[0])
        yield Oddity(
            "odd-place",
            severity,
            f"{who(those)} {_runs(those)} {exe}, {_what_is_odd(exe)}",
            ref(host, those[0]),
            "An intruder can often write only where everybody can, and hides there what they bring.",
            f"sha256sum {quote(exe)}; stat {quote(exe)}; tr '\\0' ' ' < /proc/{those[0].pid}/cmdline",
            harmless,
            ("T1036.005", "T1564.001") if places.hides(exe) else ("T1036.005",),
            facts(those),
        )


def _odd(exe: str) -> bool:
    return places.is_open(exe) or places.is_memory(exe) or bool(places.hides(exe))


def _what_is_odd(exe: str) -> str:
    if places.is_memory(exe):
        return "where nothing is ever run from"
    if hidden := places.hides(exe):
        return f"hidden by its name {hidden}"
    return "where anybody can put a program"


def _of_misplaced(process: Process) -> tuple[Severity, str]:
    exe = process.exe
    if process.environment:
        return "informational", f"It is part of the Python environment {process.environment}."
    if places.is_unpacked(exe):
        return "informational", "A known tool unpacks there what it runs."
    if places.is_memory(exe) or (places.hides(exe) and (places.is_open(exe) or places.is_system(exe))):
        return "high", "No known tool keeps a program there under such a name."
    return "medium", "Builds, tests and installers run from there too; nothing known around it says that it is one."


def unowned(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Programs that no package brought, in folders where only packages put programs; elsewhere they are notes."""
    strange = [p for p in processes if p.exe.startswith("/") and not p.deleted and not owner(p.exe) and not _odd(p.exe)]
    for exe, those in grouped(strange, lambda p: p.exe).items():
        system = places.is_system(exe)
        yield Oddity(
            "unowned-binary",
            "medium" if system else "informational",
            f"{who(those)} {_runs(those)} {exe}, which no package owns",
            ref(host, those[0]),
            "An intruder's program came with no package, whatever folder it lies in.",
            f"sha256sum {quote(exe)}; stat {quote(exe)}",
            "Only packages put programs there; merged folders, alternatives and diversions were followed."
            if system
            else "It lies where people install programs themselves, beside the packages.",
            ("T1036.005",) if system else (),
            facts(those),
        )


def _runs(those: Sequence[Process]) -> str:
    return "runs" if len(those) == 1 else "run"
