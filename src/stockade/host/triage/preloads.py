"""Libraries that were put into programs from outside, and such as are gone from the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from shlex import quote
from typing import Final

from stockade.events import Severity
from stockade.host.facts.process import Process
from stockade.host.facts.procfs import DELETED, MEMFD, UNPLACED
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.masks import INTERPRETERS
from stockade.host.triage.naming import Owner, Renewed, explained, facts, ref, who

GENERATED: Final = re.compile(
    r"/memfd:[\w.:-]*(?:jit|doublemapper)[\w.:-]*|/(?:SYSV[0-9a-f]{8}|dev/zero|drm mm object|i915)"
)
"""Code that programs make while they run: .NET, browsers, graphics; it has no file."""
NAMED: Final = 20
"""Libraries in the environment of one process that are told; who names more wants them not to be read."""
FFI: Final = re.compile(r"/(?:tmp|dev/shm|var/tmp)/ffi\w{6}")
"""What libffi makes where it may not run code it has written, and deletes at once."""


def preloaded(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Libraries named in ``LD_PRELOAD`` or ``LD_AUDIT``, each with those it was put into."""
    for library, those in _users((process, named(process)) for process in processes).items():
        severity, harmless = _of_preloaded(library, those[0], owner)
        yield Oddity(
            "preloaded-library",
            severity,
            f"{library} was put into {who(those)} ({places.name(those[0].exe) or those[0].name}) by its environment",
            ref(host, those[0]),
            "A preloaded library can change what a program sees and says, and take the passwords that pass through it.",
            f"sha256sum {quote(library)}; tr '\\0' '\\n' < /proc/{those[0].pid}/environ | grep ^LD_",
            harmless,
            ("T1574.006",),
            facts(those, library=library, package=owner(library)),
        )


def named(process: Process) -> Iterator[str]:
    """The libraries that the environment of a process names, as paths where they were found by name alone."""
    found = {places.name(each): each for each in reversed(process.libraries)}
    words = (word for variable in process.preloads for word in re.split(r"[: ]+", variable.partition("=")[2]) if word)
    for word in islice(dict.fromkeys(words), NAMED):
        yield word if "/" in word else found.get(word, word)


def _of_preloaded(library: str, process: Process, owner: Owner) -> tuple[Severity, str]:
    mapped = {each.removesuffix(DELETED) for each in process.libraries}
    if package := owner(library):
        return "informational", f"It is of the package {package}, as jemalloc, libfaketime and snoopy are."
    if places.is_open(library) or places.is_memory(library) or places.hides(library):
        return "high", "Sanitizers and test tools preload libraries too, and none known lies in such a folder."
    if process.libraries and library not in mapped:
        return "informational", "The loader has not mapped it: it is not there, or not for this kind of program."
    return "medium", "Allocators, sanitizers and AppImages preload libraries too; no package owns this one."


def deleted(host: str, processes: Iterable[Process], owner: Owner, renewed: Renewed) -> Iterator[Oddity]:
    """Libraries whose file was deleted while they are in use."""
    for library, those in _users((process, _gone(process)) for process in processes).items():
        package = owner(library)
        severity, harmless = _of_deleted(library, package, updated=explained(those, package, renewed))
        yield Oddity(
            "deleted-library",
            severity,
            f"{who(those)} ({places.name(those[0].exe)}) {_use(len(those))} a library that was deleted: {library}",
            ref(host, those[0]),
            "What was put into a program and then deleted is not meant to be found.",
            f"grep -F {quote(places.name(library))} /proc/{those[0].pid}/maps; ls -l /proc/{those[0].pid}/map_files",
            harmless,
            ("T1620",) if library.startswith(MEMFD) else ("T1574.006", "T1070.004"),
            facts(those, library=library, package=package),
        )


def _gone(process: Process) -> Iterator[str]:
    for library in process.libraries:
        path = library.removesuffix(DELETED)
        own = UNPLACED if process.unplaced else process.exe
        if path not in {library, own} and not GENERATED.match(path) and not FFI.fullmatch(path):
            yield path


def _of_deleted(library: str, package: str | None, *, updated: bool) -> tuple[Severity, str]:
    if package and not updated:
        return "low", f"An update of {package} would explain it, and there was none since it was loaded."
    if package:
        return "informational", f"An update of {package} has replaced it; the old one is used until a restart."
    if places.is_open(library) or places.is_memory(library) or places.hides(library):
        return "high", "libffi and compilers of bytecode leave traces like this; their names are known, and it is none."
    if library.startswith(MEMFD):
        return (
            "medium",
            "Compilers of bytecode run code from memory; the names that theirs have are known, and it is none.",
        )
    return "low", "What is installed without a package and was updated since looks like this."


def _users(found: Iterable[tuple[Process, Iterable[str]]]) -> Mapping[str, list[Process]]:
    """Who uses each library, in the order in which they are met."""
    users: dict[str, list[Process]] = {}
    for process, libraries in found:
        for library in dict.fromkeys(libraries):
            users.setdefault(library, []).append(process)
    return users


def foreign(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Libraries that no package brought, in programs of packages, from where no honest library of theirs lies."""
    for library, those in _users((process, _strange(process, owner)) for process in processes).items():
        grave = places.is_open(library) or places.is_memory(library) or bool(places.hides(library))
        yield Oddity(
            "foreign-library",
            "high" if grave else "medium",
            f"{who(those)} ({places.name(those[0].exe)}) {_use(len(those))} what no package brought: {library}",
            ref(host, those[0]),
            "What was put into a running program sees what it sees, and needs no file that starts it.",
            f"sha256sum {quote(library)}; stat {quote(library)}; ldd {quote(those[0].exe)}",
            "Programs that run what they are given, as Python and Java, were left out, and so were known tools."
            if grave
            else "Only packages put libraries there; drivers that an installer of their own brought are an exception.",
            ("T1574.006", "T1055"),
            facts(those, library=library),
        )


def _strange(process: Process, owner: Owner) -> Iterator[str]:
    """Libraries that its package could not have meant."""
    if not places.is_system(process.exe) or INTERPRETERS.fullmatch(places.name(process.exe)) or not owner(process.exe):
        return
    preloaded = set(named(process))
    for library in process.libraries:
        odd = places.is_open(library) or places.is_memory(library) or places.hides(library)
        if library == process.exe or library.endswith(DELETED) or library in preloaded or places.is_unpacked(library):
            continue
        if (odd or places.is_system(library)) and not GENERATED.match(library) and not owner(library):
            yield library


def _use(count: int) -> str:
    return "uses" if count == 1 else "use"
