"""The accounts of a machine, of passwd(5) and shadow(5): who there is, and whether a password lets them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Password = Literal["set", "none", "locked", "unknown"]
"""``none`` is an empty one, with which anybody comes in; ``unknown`` where shadow could not be read."""


@dataclass(frozen=True, slots=True)
class Account:
    """A line of passwd, and what shadow says of its password, whose hash is not kept.

    ``changed`` is the day on which it was last set, in seconds since the epoch.
    """

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    password: Password = "unknown"  # noqa: S105  a word for its state
    changed: float | None = None

    @property
    def may_sign_in(self) -> bool:
        """Whether it has a shell at all."""
        return self.shell.rpartition("/")[2] not in {"nologin", "false", "sync", "shutdown", "halt", "git-shell"}


def accounts(passwd: str, shadow: str | None) -> Iterator[Account]:
    """All of them; a line that is none is left out."""
    secrets = None if shadow is None else dict(_secrets(shadow))
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdecimal() and fields[3].isdecimal():
            password, changed = _standing(fields[0], fields[1], secrets)
            shell = fields[6] or "/bin/sh"
            yield Account(fields[0], int(fields[2]), int(fields[3]), fields[5], shell, password, changed)


def _secrets(shadow: str) -> Iterator[tuple[str, tuple[Password, float | None]]]:
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        secret, _, rest = rest.partition(":")
        day = rest.partition(":")[0]
        yield name, (_kind(secret), int(day) * 86400.0 if day.isdecimal() else None)


def _standing(
    name: str, said: str, secrets: Mapping[str, tuple[Password, float | None]] | None
) -> tuple[Password, float | None]:
    if said != "x":
        return _kind(said), None
    if secrets is None:
        return "unknown", None
    return secrets.get(name, ("locked", None))


def _kind(secret: str) -> Password:
    if not secret:
        return "none"
    return "locked" if secret[0] in "!*" else "set"
