"""The journal of systemd, as ``journalctl -o json`` gives it: numbers that leave out nothing, and sign-ins."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from stockade.host.oddity import Unseen

CURSOR: Final = re.compile(r"s=([0-9a-f]+);i=([0-9a-f]+)")
ACCEPTED: Final = re.compile(r"Accepted \S+ for (\S+) from (\S+) port")
FIELDS: Final = "MESSAGE,SYSLOG_IDENTIFIER,_BOOT_ID"
NEWEST: Final = 50_000
SECONDS: Final = 10


class Gap(NamedTuple):
    """Numbers that are missing between two entries of one journal, and when those were written."""

    missing: int
    after: float
    before: float


@dataclass(frozen=True, slots=True)
class Journal:
    """When its entries were written, which numbers are missing, and who signed in by it (time, user, source)."""

    stamps: tuple[float, ...] = ()
    gaps: tuple[Gap, ...] = ()
    accepted: tuple[tuple[float, str, str], ...] = ()

    def covers(self, moment: float) -> bool:
        """Whether a moment lies between its first entry and its last."""
        return bool(self.stamps) and self.stamps[0] <= moment <= self.stamps[-1]


def journal(lines: Iterable[str]) -> Journal:
    """What entries say, of lines of JSON; a line that is none is left out."""
    stamps, gaps, accepted = list[float](), list[Gap](), list[tuple[float, str, str]]()
    before: dict[str, tuple[int, float]] = {}
    for entry in _entries(lines):
        moment, message = int(str(entry.get("__REALTIME_TIMESTAMP", 0))) / 1e6, entry.get("MESSAGE")
        stamps.append(moment)
        cursor = CURSOR.search(str(entry.get("__CURSOR", "")))
        if cursor is not None:
            source, number = cursor[1], int(cursor[2], 16)
            last = before.get(source)
            if last is not None and number > last[0] + 1:
                gaps.append(Gap(number - last[0] - 1, last[1], moment))
            before[source] = (number, moment)
        found = ACCEPTED.match(message) if isinstance(message, str) else None
        if found is not None and str(entry.get("SYSLOG_IDENTIFIER", "")).startswith("sshd"):
            accepted.append((moment, found[1], found[2]))
    return Journal(tuple(stamps), tuple(gaps), tuple(accepted))


def _entries(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and str(entry.get("__REALTIME_TIMESTAMP", "0")).isdecimal():
            yield entry


def read(root: Path) -> tuple[Journal, tuple[Unseen, ...]]:
    """The newest entries of the journal under a root, read by the journalctl of the machine that looks."""
    folders = [root / "var/log/journal", root / "run/log/journal"]
    held = next((folder for folder in folders if next(folder.glob("*/*.journal"), None)), None)
    if held is None:
        return Journal(), ()
    asked = [
        "journalctl",
        f"--directory={held}",
        "--output=json",
        f"--output-fields={FIELDS}",
        f"--lines={NEWEST}",
        "--quiet",
    ]
    try:
        done = subprocess.run([*asked, "--no-pager"], capture_output=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Journal(), (Unseen("the journal", f"journalctl could not read it: {error}", "run: journalctl --verify"),)
    return journal(done.stdout.decode("utf-8", "replace").splitlines()), ()
