"""A backup and the files in it, and the formats in which other programs list them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stockade.host.backups.dated import moment

FORMAT: Final = "stockade backup manifest 1"
"""What the first line of a manifest of ours says it is."""
LONGEST: Final = 1 << 22
"""Characters of a line of a listing: a file of accounts may have very many."""
ACCOUNTS: Final = re.compile(r"(?:^|.*/)etc/passwd$")
KEYS: Final = re.compile(r".*/authorized_keys2?$")
_KEY: Final = re.compile(r"AAAA[0-9A-Za-z+/]{20,}={0,3}")


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: its name, where it is, and when it was taken, in seconds since the epoch; None: nothing says.

    ``kind`` is how it is read: folder, tar, manifest, borg, restic, ``borg archive`` or ``restic snapshot`` of a
    repository, or name, of which no list is known. It may have been taken up to ``spread`` seconds later, where only
    the day is known; ``host`` is the machine that it is of, where that is told.
    """

    name: str
    place: str
    taken: float | None
    kind: str
    spread: float = 0.0
    host: str = ""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A file in a backup; ``path`` begins with a slash. ``names`` are the accounts or the public keys it lists, where
    it is a file that does, written ``account:bob`` and ``key:AAAA…``; None where they could not be read. What is not
    ``plain``, such as a folder or a link, has no digest.
    """

    path: str
    size: int
    mtime: float | None = None
    mode: int | None = None
    sha256: str = ""
    names: tuple[str, ...] | None = ()
    plain: bool = True


def head_of(first: str) -> tuple[str, str, float | None, str] | None:
    """What a listing is by its first line: its kind, and the name, time and machine it gives; None when it is none."""
    told = _object(first)
    if told is None:
        return None
    if told.get("format") == FORMAT:
        return "manifest", str(told.get("name", "")), moment(told.get("taken")), ""
    if told.get("struct_type") == "snapshot" or "snapshot" in str(told.get("message_type", "")):
        name = str(told.get("short_id") or told.get("id") or "")
        return "restic", name, moment(told.get("time")), str(told.get("hostname") or "")
    if "path" in told and ("type" in told or "mode" in told):
        return "borg", "", None, ""
    return None


def archives(text: str) -> Iterator[tuple[str, float | None, float, str]]:
    """The names, times, seconds that it took, and machines in ``borg list --json`` or ``restic snapshots --json``."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return
    several = told.get("archives", ()) if isinstance(told, dict) else told
    for each in several if isinstance(several, list) else ():
        if isinstance(each, dict):
            name = each.get("name") or each.get("archive") or each.get("short_id") or each.get("id")
            began, ended = moment(each.get("start") or each.get("time")), moment(each.get("end"))
            lasted = max(0.0, ended - began) if began is not None and ended is not None else 0.0
            yield str(name), began, lasted, str(each.get("hostname") or "")


def files(kind: str, lines: Iterable[str]) -> Iterator[BackedUp]:
    """What a listing lists, line by line. Raises OSError for a line that is none, and for a manifest without its end:
    what is not whole could lack just what shows the intruder.
    """
    ended = False
    for number, line in enumerate(lines, 1):
        told = _object(line[:LONGEST])
        if told is None:
            raise OSError(f"line {number} of its list is none")
        ended = "end" in told
        if "path" in told:
            yield _file(kind, told)
    if kind == "manifest" and not ended:
        raise OSError("its list has no end")


def _file(kind: str, told: Mapping[str, Any]) -> BackedUp:
    path, mode, size = rooted(str(told["path"])), told.get("mode"), told.get("size")
    unread = None if kind != "manifest" and lists_names(path) else ()
    names = told.get("names")
    return BackedUp(
        path,
        size if isinstance(size, int) else 0,
        moment(told["mtime"]) if "mtime" in told else None,
        _bits(kind, mode) if isinstance(mode, int) else _permissions(str(mode or "")),
        str(told.get("sha256") or ""),
        tuple(map(str, names)) if isinstance(names, list) else unread,
        _is_plain(kind, told),
    )


def _is_plain(kind: str, told: Mapping[str, Any]) -> bool:
    """Whether it is a file with octets of its own: borg has those of a hard link where the link leads."""
    if kind == "manifest":
        return told.get("plain") is not False
    if kind == "restic":
        return told.get("type") == "file"
    return told.get("type", "-") in ("-", "f") and not str(told.get("mode", "")).startswith("h")


def rooted(path: str) -> str:
    """A path as the machine would write it, whatever a backup put before it."""
    return "/" + path.removeprefix("./").strip("/") if path != "." else "/"


def _bits(kind: str, mode: int) -> int:
    """Permissions as numbers: restic's are those of Go, whose higher bits are others (fs.FileMode)."""
    if kind != "restic":
        return mode & 0o7777
    others = {1 << 23: 0o4000, 1 << 22: 0o2000, 1 << 20: 0o1000}
    return mode & 0o777 | sum(ours for go, ours in others.items() if mode & go)


def _permissions(text: str) -> int | None:
    """Permissions as ``ls`` writes them."""
    if len(text) < 10:
        return None
    bits = sum(1 << (8 - at) for at, each in enumerate(text[1:10]) if each not in "-ST")
    return bits | (0o4000 if text[3] in "sS" else 0) | (0o2000 if text[6] in "sS" else 0)


def lists_names(path: str) -> bool:
    """Whether it is a file that lists accounts or public keys."""
    return bool(ACCOUNTS.match(path) or KEYS.match(path))


def names_in(path: str, text: str) -> tuple[str, ...]:
    """The accounts that a password file lists, or the keys of a file of authorized keys; nothing for other files."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if ACCOUNTS.match(path):
        return tuple(f"account:{line.partition(':')[0]}" for line in lines)
    return tuple(f"key:{each}" for line in lines for each in _KEY.findall(line)) if KEYS.match(path) else ()


def header(name: str, taken: float) -> str:
    """The first line of a manifest of ours."""
    return json.dumps({"format": FORMAT, "name": name, "taken": taken}) + "\n"


def line_of(each: BackedUp) -> str:
    """A file as a line of a manifest of ours."""
    told = {"path": each.path, "size": each.size, "mtime": each.mtime, "mode": each.mode, "sha256": each.sha256}
    more = ({"names": each.names} if each.names else {}) | ({} if each.plain else {"plain": False})
    return json.dumps(told | more) + "\n"


def footer(count: int) -> str:
    """The last line of a manifest of ours: without it, the list is not whole."""
    return json.dumps({"end": count}) + "\n"


def _object(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
