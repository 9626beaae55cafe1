"""What the kernel shows of itself: modules, taint, formats of programs, hooks, and interfaces that listen to all."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.host.facts import procfs
from stockade.host.facts.inside import Format, Interface, Kernel, Module, module_named
from stockade.host.oddity import Unseen

FORMATS: Final = "proc/sys/fs/binfmt_misc"
HOOKS: Final = ("sys/kernel/tracing/enabled_functions", "sys/kernel/debug/tracing/enabled_functions")
PROBES: Final = "sys/kernel/debug/kprobes/list"
NETWORK: Final = "sys/class/net"
PROMISCUOUS: Final = 0x100
"""``IFF_PROMISC`` of netdevice(7)."""
FIRST_PIDS: Final = 0xEFFF_FFFC
"""The inode of the first namespace of processes (``PROC_PID_INIT_INO``): who is in another is in a container."""


def read(root: Path) -> tuple[Kernel, tuple[Unseen, ...]]:
    """What the kernel shows. A kernel without modules has none; a container's is the machine's."""
    release = _text(root / "proc/sys/kernel/osrelease") or platform.release()
    hooks, unseen = _hooks(root)
    contained = _contained(root)
    kernel = Kernel(
        release,
        int(_text(root / "proc/sys/kernel/tainted") or 0),
        tuple(_modules(root)),
        tuple(_formats(root / FORMATS)),
        hooks,
        tuple(_listening(root / NETWORK)),
        contained,
        _files(root, release),
    )
    outside = Unseen(
        "processes outside this container", "they are in another namespace", "Look from the machine outside."
    )
    return kernel, (*unseen, *([outside] if contained else []))


def _contained(root: Path) -> bool:
    try:
        return procfs.number_in(str((root / "proc/self/ns/pid").readlink())) != FIRST_PIDS
    except OSError:
        return False


def _modules(root: Path) -> Iterator[Module]:
    listed = {line.split()[0] for line in _text(root / "proc/modules").splitlines() if line.strip()}
    loaded = {path.parent.name: path.parent for path in (root / "sys/module").glob("*/initstate")}
    for name in sorted(listed | loaded.keys()):
        taint = _text(loaded[name] / "taint") if name in loaded else ""
        yield Module(name, name in listed, name in loaded, taint)


def _files(root: Path, release: str) -> Mapping[str, str]:
    place = f"lib/modules/{release}"
    paths = [line.partition(":")[0] for line in _text(root / place / "modules.dep").splitlines()]
    return {module_named(Path(path).name): str(Path("/", place, path)) for path in paths}


def _formats(place: Path) -> Iterator[Format]:
    for path in _inside(place):
        told = dict(line.partition(" ")[::2] for line in _text(path).splitlines())
        if "interpreter" in told:
            yield Format(path.name, told["interpreter"], told.get("flags:", "").strip())


def _hooks(root: Path) -> tuple[Mapping[str, str], tuple[Unseen, ...]]:
    """Functions with something attached: by ftrace, and by kprobes that do not go through it."""
    place = next((root / name for name in HOOKS if _readable(root / name)), None)
    probes = root / PROBES
    if place is None and not _readable(probes):
        remedy = "As root; to mount it changes the machine: mount -t tracefs tracefs /sys/kernel/tracing"
        unseen = Unseen("hooks in the kernel", "tracefs is not mounted, or not for you", remedy)
        return {}, (unseen,)
    lines = (_text(place) if place else "").splitlines()
    hooks = {words[0]: " ".join(words[1:]) for line in lines if (words := line.split())}
    probed = {_probed(words): "kprobe" for line in _text(probes).splitlines() if len(words := line.split()) > 2}
    return {**probed, **hooks}, ()


def _probed(words: list[str]) -> str:
    return words[2].partition("+")[0]


def _listening(place: Path) -> Iterator[Interface]:
    for path in _inside(place):
        with suppress(ValueError):
            if int(_text(path / "flags") or "0", 16) & PROMISCUOUS:
                yield Interface(path.name, (path / "brport").exists() or (path / "bridge").exists())


def _inside(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except OSError:
        return []


def _readable(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="backslashreplace").strip()
    except OSError:
        return ""
