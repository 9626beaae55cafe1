"""What goes on now, in one view: folded from the last entries of the security log and the live bans (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stockade.guard.meter import Ban

LATELY: Final = 300.0
"""Seconds that the view looks back."""
ROWS: Final = 10
Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing and how often it came lately."""

    name: str
    times: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The last five minutes: by rule, by client, the latest entries, and the live bans."""

    time: float
    rules: Sequence[Line]
    clients: Sequence[Line]
    latest: Sequence[Entry]
    bans: Sequence[Ban]


def overview(entries: Sequence[Entry], bans: Sequence[Ban], now: float) -> Overview:
    """Fold entries and bans at ``now`` (seconds since the epoch)."""
    lately = [e for e in entries if now - when(e) <= LATELY and "matched" in e]
    rules: Counter[tuple[str, str]] = Counter()
    clients: Counter[str] = Counter()
    last: dict[str, str] = {}
    for entry in lately:
        times = _times(entry)
        rules[str(entry["matched"]), str(entry.get("env", ""))] += times
        client = str(entry.get("client") or entry.get("remote_ip", ""))
        clients[client] += times
        last[client] = str(entry["matched"])
    return Overview(
        now,
        [Line(rule, times, env) for (rule, env), times in rules.most_common(ROWS)],
        [Line(client, times, last[client]) for client, times in clients.most_common(ROWS)],
        list(reversed(lately[-ROWS:])),
        bans,
    )


def when(entry: Entry) -> float:
    """The time of an entry, in seconds since the epoch; long ago for one that has none."""
    try:
        return datetime.fromisoformat(str(entry.get("time", ""))).timestamp()
    except ValueError:
        return 0.0


def _times(entry: Entry) -> int:
    repeated = entry.get("repeated", 1)
    return repeated if isinstance(repeated, int) else 1
