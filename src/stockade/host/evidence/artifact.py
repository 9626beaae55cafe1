"""What there is to take: one artifact says what, why, in which turn, from where, and how much at most."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from stockade.errors import ConfigurationError


class Order(StrEnum):
    """The turns in which things are taken: the order of volatility (RFC 3227 section 2.1), the most fleeting first."""

    CLOCK = "clock"
    PROCESSES = "processes"
    SOCKETS = "sockets"
    KERNEL = "kernel"
    USERS = "users"
    TMPFS = "tmpfs"
    PERSISTENCE = "persistence"
    INTEGRITY = "integrity"
    LOGS = "logs"
    PACKAGES = "packages"
    CONFIGURATION = "configuration"


TURNS: Final[Mapping[Order, str]] = {
    Order.CLOCK: "what time the machine thinks it is, and how far that is from the store's clock",
    Order.PROCESSES: "what runs, with the octets of programs that are on no disk any more",
    Order.SOCKETS: "who talks to whom, and who listens",
    Order.KERNEL: "what has been loaded into the kernel, and what it says of itself",
    Order.USERS: "who is signed in, was, and typed what",
    Order.TMPFS: "what a reboot would wipe away",
    Order.PERSISTENCE: "what starts by itself, and who may come in",
    Order.INTEGRITY: "which files are not as they were installed, or can do more than others",
    Order.LOGS: "what was written down",
    Order.PACKAGES: "what is installed",
    Order.CONFIGURATION: "how everything is set up",
}
RANK: Final = {turn: number for number, turn in enumerate(Order)}


class Take(StrEnum):
    """What is taken of a file: a list of all that match is one item, octets are an item for each."""

    OCTETS = "octets"
    HASHES = "hashes"
    STAT = "stat"


KINDS: Final = frozenset("fdlpsbc")
"""Kinds of files, by the letters of find(1)."""
_SIZE: Final = re.compile(r"(\d+) ?(B|KiB|MiB|GiB)")
_UNITS: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at most: octets of each item and of all together, how many, and how many seconds for the whole."""

    each: int = 32 << 20
    together: int = 1 << 30
    count: int = 20_000
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the files that a pattern finds are meant; what is empty or None does not count.

    ``within`` and ``leave`` are patterns of whole paths, in which ``*`` stands for slashes too; ``names`` and
    ``leave_names`` of the last part. ``modes`` are octal permissions, all bits of one of which must be set. ``kinds``
    are letters of find(1). ``smallest`` and ``largest`` are octets, ``depth`` is how many folders down. ``leave_types``
    are file systems that are not entered. ``unowned`` are files of nobody that the machine knows.
    """

    within: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    leave_names: tuple[str, ...] = ()
    modes: tuple[int, ...] = ()
    kinds: frozenset[str] = frozenset()
    smallest: int | None = None
    largest: int | None = None
    depth: int | None = None
    leave_types: frozenset[str] = frozenset()
    unowned: bool = False


@dataclass(frozen=True, slots=True)
class Artifact:
    """One thing to take. Exactly one of ``files``, ``command`` and ``reader`` says where it is found.

    ``files`` are patterns: ``*`` stays within a folder, ``**`` goes all the way down, a leading ``~`` is every home.
    ``command`` is a program, found in the usual folders alone, with its arguments. ``reader`` is one of ours.
    ``secret`` are patterns of what is taken only when asked for, ``**`` all of it. ``privileges`` says what is needed
    to see all. ``condition`` is a command of the shell that must succeed, ``each_line`` one for every line of which
    the command is run, with ``%line%`` in it replaced.
    """

    id: str
    order: Order
    what: str
    why: str
    files: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    reader: str = ""
    take: Take = Take.OCTETS
    choice: Choice = Choice()
    secret: tuple[str, ...] = ()
    privileges: str = ""
    limits: Limits = Limits()
    condition: str = ""
    each_line: str = ""

    @property
    def all_secret(self) -> bool:
        """Whether nothing of it is taken unless secrets are asked for."""
        return "**" in self.secret


_TEXTS: Final = ("what", "why", "reader", "privileges")
_LISTS: Final = ("files", "command", "secret")
_CHOICES: Final = ("within", "leave", "names", "leave_names", "kinds", "modes", "smallest", "largest", "depth")
_KNOWN: Final = frozenset({"order", "take", "limits", *_TEXTS, *_LISTS, *_CHOICES})


def artifact_of(name: str, table: Mapping[str, Any], readers: frozenset[str]) -> Artifact:
    """The artifact that a table describes; ``readers`` are those there are. Raises ConfigurationError naming it."""
    try:
        _check(name, table, readers)
        return Artifact(
            id=name,
            order=Order(table["order"]),
            take=Take(table.get("take", "octets")),
            choice=_choice(table),
            limits=_limits(table.get("limits", {})),
            **{key: _text(table, key) for key in _TEXTS},  # type: ignore[arg-type]
            **{key: _texts(table, key) for key in _LISTS},  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise ConfigurationError(f"artifact {name}: {error}", remedy="docs/reference/artifacts.md tells how.") from None


def _check(name: str, table: Mapping[str, Any], readers: frozenset[str]) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("its name may hold a-z, 0-9, dots and hyphens")
    if unknown := sorted(table.keys() - _KNOWN):
        raise ValueError(f"there is no {unknown[0]!r}; there are {', '.join(sorted(_KNOWN))}")
    if missing := [key for key in ("order", "what", "why") if not table.get(key)]:
        raise ValueError(f"{missing[0]} is missing")
    if len(given := [key for key in ("files", "command", "reader") if table.get(key)]) != 1:
        raise ValueError(
            f"exactly one of files, command and reader says where from, not {' and '.join(given) or 'none'}"
        )
    if table.get("reader") and table["reader"] not in readers:
        raise ValueError(f"no reader is called {table['reader']!r}; there are {', '.join(sorted(readers))}")
    if wrong := [each for each in _texts(table, "files") if not each.startswith(("/", "~/"))]:
        raise ValueError(f"{wrong[0]!r} does not begin with / or ~/")


def _choice(table: Mapping[str, Any]) -> Choice:
    kinds = frozenset(_texts(table, "kinds"))
    if kinds - KINDS:
        raise ValueError(f"kinds are letters of {', '.join(sorted(KINDS))}")
    return Choice(
        within=_texts(table, "within"),
        leave=_texts(table, "leave"),
        names=_texts(table, "names"),
        leave_names=_texts(table, "leave_names"),
        kinds=kinds,
        modes=tuple(int(each, 8) for each in _texts(table, "modes")),
        smallest=_octets(table, "smallest"),
        largest=_octets(table, "largest"),
        depth=_number(table, "depth"),
    )


def _limits(table: object) -> Limits:
    if not isinstance(table, dict) or (table.keys() - {field.name for field in fields(Limits)}):
        raise ValueError("limits are each, together, count and seconds")
    given: dict[str, Any] = {
        "each": _octets(table, "each"),
        "together": _octets(table, "together"),
        "count": _number(table, "count"),
        "seconds": _number(table, "seconds"),
    }
    return Limits(**{key: value for key, value in given.items() if value is not None})


def _octets(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    found = _SIZE.fullmatch(str(value))
    if found is None:
        raise ValueError(f"{key} is {value!r}, and should be like 16 MiB")
    return int(found[1]) * _UNITS[found[2]]


def _number(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value <= 0):
        raise ValueError(f"{key} is {value!r}, and should be a number above zero")
    return value


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} should be a text")  # noqa: TRY004  its author reads it, no caller
    return value


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value: Sequence[Any] = table.get(key, ())
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{key} should be a list of texts")
    return tuple(value)
