"""Libraries that were put into programs from outside, and such as are gone from the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Final

from stockade.events import Severity
from stockade.host.facts.process import Process
from stockade.host.facts.procfs import DELETED, MEMFD
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner, facts, ref, who

GENERATED: Final = re.compile(
    r"/memfd:[\w.:-]*(?:jit|doublemapper)[\w.:-]*|/(?:SYSV[0-9a-f]{8}|dev/zero|drm mm object|i915)"
)
"""Code that programs make while they run: .NET, browsers, graphics; it has no file."""
FFI: Final = re.compile(r"/(?:tmp|dev/shm|var/tmp)/ffi\w{6}")
"""What libffi makes where it may not run code it has written, and deletes at once."""


def preloaded(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Libraries named in ``LD_PRELOAD`` or ``LD_AUDIT``, each with those it was put into."""
    pairs = [(library, process) for process in processes for library in named(process)]
    for library in dict.fromkeys(library for library, _ in pairs):
        those = [process for named_one, process in pairs if named_one == library]
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
    for variable in process.preloads:
        for word in re.split(r"[: ]+", variable.partition("=")[2]):
            if word:
                yield word if "/" in word else _found(process, word)


def _found(process: Process, name: str) -> str:
    """Where the loader has found a library, if it has."""
    return next((each for each in process.libraries if places.name(each) == name), name)


def _of_preloaded(library: str, process: Process, owner: Owner) -> tuple[Severity, str]:
    mapped = {each.removesuffix(DELETED) for each in process.libraries}
    if package := owner(library):
        return "informational", f"It is of the package {package}, as jemalloc, libfaketime and snoopy are."
    if places.is_open(library) or places.is_memory(library) or places.hides(library):
        return "high", "Sanitizers and test tools preload libraries too, and none known lies in such a folder."
    if process.libraries and library not in mapped:
        return "informational", "The loader has not mapped it: it is not there, or not for this kind of program."
    return "medium", "Allocators, sanitizers and AppImages preload libraries too; no package owns this one."


def deleted(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Libraries whose file was deleted while they are in use."""
    pairs = [(library, process) for process in processes for library in _gone(process)]
    for library in dict.fromkeys(library for library, _ in pairs):
        those = [process for gone, process in pairs if gone == library]
        severity, harmless = _of_deleted(library, owner(library))
        yield Oddity(
            "deleted-library",
            severity,
            f"{who(those)} ({places.name(those[0].exe)}) {_use(len(those))} a library that was deleted: {library}",
            ref(host, those[0]),
            "What was put into a program and then deleted is not meant to be found.",
            f"grep -F {quote(places.name(library))} /proc/{those[0].pid}/maps; ls -l /proc/{those[0].pid}/map_files",
            harmless,
            ("T1620",) if library.startswith(MEMFD) else ("T1574.006", "T1070.004"),
            facts(those, library=library, package=owner(library)),
        )


def _gone(process: Process) -> Iterator[str]:
    for library in process.libraries:
        path = library.removesuffix(DELETED)
        if path not in {library, process.exe} and not GENERATED.match(path) and not FFI.fullmatch(path):
            yield path


def _of_deleted(library: str, package: str | None) -> tuple[Severity, str]:
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


def _use(count: int) -> str:
    return "uses" if count == 1 else "use"
