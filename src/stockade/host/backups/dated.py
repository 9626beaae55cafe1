"""When a backup was taken: by its name, its list, or the files in it; a day is not taken for a moment.

A time without a zone is local time, as borg and nearly every script write it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_GITLAB: Final = re.compile(r"(?:^|/)(\d{10})_\d{4}_\d\d_\d\d_[\w.+-]*gitlab_backup\.tar$")
_EPOCH: Final = re.compile(r"(?<!\d)(1[4-9]\d{8}|2\d{9})(?!\d)")
_DATE: Final = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)(?:[T_ -]?([0-2]\d)[-:_.h]?([0-5]\d)(?:[-:_.]?([0-5]\d))?)?(?!\d)"
)
_LAST: Final = 253_402_300_799.0
"""The last second of the year 9999: what is after it, nobody has written on purpose."""
Dated = tuple[float | None, float]
"""The earliest moment, seconds since the epoch, None when nothing says; and how many seconds later it may have been."""


def is_gitlab(name: str) -> bool:
    """Whether a file has the name that GitLab gives its own backups: data, and nothing of the system."""
    return bool(_GITLAB.search(name))


def time_in(name: str) -> Dated:
    """When a backup was taken, by its name: seconds since the epoch, or a date with or without a time."""
    if found := _GITLAB.search(name) or _EPOCH.search(name):
        return float(found[1]), 0.0
    for found in _DATE.finditer(name):
        try:
            begin = datetime(*(int(each or 0) for each in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            continue
        if found[4] is not None:
            return begin.timestamp(), 0.0
        return begin.timestamp(), (begin + timedelta(days=1)).timestamp() - begin.timestamp() - 1
    return None, 0.0


def dated(name: str, changed: float) -> Dated:
    """The same, with when it was last changed where the name says nothing, or only the day and that is the same."""
    earliest, spread = time_in(name)
    if earliest is None or earliest <= changed <= earliest + spread:
        return changed, 0.0
    return earliest, spread


def moment(text: object) -> float | None:
    """A time as listings write it (RFC 3339, or without a zone); None for anything else, and for what cannot be."""
    try:
        if isinstance(text, int | float) and not isinstance(text, bool):
            told = float(text)
        else:
            told = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text))).timestamp()
    except (ValueError, OverflowError):
        return None
    return told if 0 <= told <= _LAST else None
