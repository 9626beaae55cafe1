"""What the kernel has in it, and what it keeps from being seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Module:
    """A module: whether ``/proc/modules`` and whether ``/sys/module`` has it, and the letters of its taint."""

    name: str
    listed: bool = True
    present: bool = True
    taint: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of programs that is run by an interpreter, with its flags (binfmt_misc): ``C`` gives it the rights of
    the file that is run.
    """

    name: str
    interpreter: str
    flags: str


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that listens to everything; ``bridged`` when that is because it is part of a bridge."""

    name: str
    bridged: bool


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel. ``hooks`` are functions of it that something is called at, each with who hooked it. ``contained``
    when this is a container, whose kernel is that of a machine outside. ``files`` has the file of each module that
    could be loaded, by its name (modules.dep(5)); empty where no such list is.
    """

    release: str = ""
    taint: int = 0
    modules: tuple[Module, ...] = ()
    formats: tuple[Format, ...] = ()
    hooks: Mapping[str, str] = field(default_factory=dict)
    listening: tuple[Interface, ...] = ()
    contained: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Program:
    """A program in the kernel: its number, its kind, the name it was given, and the user who loaded it."""

    id: int
    kind: str
    name: str = ""
    uid: int = 0


@dataclass(frozen=True, slots=True)
class Hidden:
    """Numbers of processes that answer and are not listed, and places in ``/proc`` that something is mounted over."""

    pids: tuple[int, ...] = ()
    covered: tuple[int, ...] = ()


def module_named(spelled: str) -> str:
    """The name of a module in the kernel, of its file or as somebody writes it: dashes are underscores there."""
    return spelled.partition(".ko")[0].replace("-", "_")
