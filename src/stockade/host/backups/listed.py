"""A backup and the files in it, and the formats in which other programs list them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

FORMAT: Final = "stockade backup manifest 1"
"""What the first line of a manifest of ours says it is."""
LONGEST: Final = 1 << 16
"""Characters of a line of a listing."""
ACCOUNTS: Final = re.compile(r"(?:^|.*/)etc/passwd$")
KEYS: Final = re.compile(r".*/authorized_keys2?$")


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: its name, where it is, and when it was taken, in seconds since the epoch; None: nothing says.

    ``kind`` is how it is read: folder, tar, manifest, borg, restic, or name, of which no list is known.
    """

    name: str
    place: str
    taken: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A file in a backup; ``path`` begins with a slash. ``names`` are the accounts or the public keys it lists, where
    it is a file that does, written ``account:bob`` and ``key:AAAA…``.
    """

    path: str
    size: int
    mtime: float | None = None
    mode: int | None = None
    sha256: str = ""
    names: tuple[str, ...] = ()


_GITLAB: Final = re.compile(r"(?:^|/)(\d{10})_\d{4}_\d\d_\d\d_[\w.+-]*gitlab_backup\.tar$")
_EPOCH: Final = re.compile(r"(?<!\d)(1[4-9]\d{8}|2\d{9})(?!\d)")
_DATE: Final = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)(?:[T_ -]?([0-2]\d)[-:_.h]?([0-5]\d)(?:[-:_.]?([0-5]\d))?)?(?!\d)"
)


def is_gitlab(name: str) -> bool:
    """Whether a file has the name that GitLab gives its own backups: data, and nothing of the system."""
    return bool(_GITLAB.search(name))


def time_in(name: str) -> float | None:
    """When a backup was taken, by its name: seconds since the epoch, or a date with or without a time, in UTC."""
    if found := _GITLAB.search(name) or _EPOCH.search(name):
        return float(found[1])
    for found in _DATE.finditer(name):
        year, month, day, hour, minute, second = (int(each or 0) for each in found.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None


def moment(text: object) -> float | None:
    """A time as listings write it (RFC 3339, or without a zone, which is UTC then); None for anything else."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    try:
        read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def head_of(first: str) -> tuple[str, str, float | None] | None:
    """What a listing is by its first line: its kind, the name and the time it gives; None when it is no listing."""
    told = _object(first)
    if told is None:
        return None
    if told.get("format") == FORMAT:
        return "manifest", str(told.get("name", "")), moment(told.get("taken"))
    if told.get("struct_type") == "snapshot" or "snapshot" in str(told.get("message_type", "")):
        return "restic", str(told.get("short_id") or told.get("id") or ""), moment(told.get("time"))
    if "path" in told and ("type" in told or "mode" in told):
        return "borg", "", None
    return None


def archives(text: str) -> Iterator[tuple[str, float | None]]:
    """The names and times that ``borg list --json`` or ``restic snapshots --json`` tells of."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return
    several = told.get("archives", ()) if isinstance(told, dict) else told
    for each in several if isinstance(several, list) else ():
        if isinstance(each, dict):
            name = each.get("name") or each.get("archive") or each.get("short_id") or each.get("id")
            yield str(name), moment(each.get("start") or each.get("time"))


def files(kind: str, lines: Iterable[str]) -> Iterator[BackedUp]:
    """The files of a listing, line by line; what is no file is passed over."""
    for line in lines:
        told = _object(line[:LONGEST])
        if told is not None and "path" in told and _is_file(kind, told):
            yield _file(told)


def _is_file(kind: str, told: Mapping[str, Any]) -> bool:
    if kind == "restic":
        return told.get("type") == "file"
    return kind != "borg" or told.get("type", "-") in {"-", "f"}


def _file(told: Mapping[str, Any]) -> BackedUp:
    mode, names = told.get("mode"), told.get("names")
    return BackedUp(
        rooted(str(told["path"])),
        int(told["size"]) if isinstance(told.get("size"), int | float) else 0,
        moment(told["mtime"]) if "mtime" in told else None,
        mode if isinstance(mode, int) else _permissions(str(mode or "")),
        str(told.get("sha256") or ""),
        tuple(map(str, names)) if isinstance(names, list) else (),
    )


def rooted(path: str) -> str:
    """A path as the machine would write it, whatever a backup put before it."""
    return "/" + path.removeprefix("./").lstrip("/")


def _permissions(text: str) -> int | None:
    """Permissions as ``ls`` writes them."""
    if len(text) < 10:
        return None
    bits = sum(1 << (8 - at) for at, each in enumerate(text[1:10]) if each not in "-ST")
    return bits | (0o4000 if text[3] in "sS" else 0) | (0o2000 if text[6] in "sS" else 0)


def names_in(path: str, text: str) -> tuple[str, ...]:
    """The accounts that a password file lists, or the keys of a file of authorized keys; nothing for other files."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if ACCOUNTS.match(path):
        return tuple(f"account:{line.partition(':')[0]}" for line in lines)
    found = (re.search(r"AAAA[0-9A-Za-z+/]{20,}={0,3}", line) for line in lines) if KEYS.match(path) else ()
    return tuple(f"key:{each[0]}" for each in found if each)


def header(name: str, taken: float) -> str:
    """The first line of a manifest of ours."""
    return json.dumps({"format": FORMAT, "name": name, "taken": taken}) + "\n"


def line_of(each: BackedUp) -> str:
    """A file as a line of a manifest of ours."""
    told = {"path": each.path, "size": each.size, "mtime": each.mtime, "mode": each.mode, "sha256": each.sha256}
    return json.dumps(told | ({"names": each.names} if each.names else {})) + "\n"


def _object(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
