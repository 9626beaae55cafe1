"""The normal that traffic is compared with: learned from records of a time that is thought to be good, or, without one,
taken from the first part of the records themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from stockade.errors import ConfigurationError

VERSION: Final = 1
REMEDY: Final = "Make one from records of a good time: stockade traffic learn FILE… --to normal.json"
FIRM: Final = 86_400.0
"""Seconds that a learned normal must cover before what is not in it means more than a note."""
MOST: Final = 200_000
"""Entries of each kind that are kept."""


@dataclass(frozen=True)
class Normal:
    """What is usual between ``since`` and ``until`` (seconds since the epoch, UTC).

    ``destinations`` are addresses and names outside; ``ports``, as ``443/tcp``, those by which own machines go out;
    ``served``, such as ``10.0.0.5:22/tcp``, where own machines answer; ``calls`` conversations that came again and
    again. ``known`` counts for each source its destinations outside, and how many of them only came in the later half;
    ``hourly`` is the most that a source has sent outside in an hour, in octets.
    """

    since: float
    until: float
    records: int
    learned: bool = True
    destinations: frozenset[str] = frozenset()
    ports: frozenset[str] = frozenset()
    served: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    known: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    hourly: Mapping[str, int] = field(default_factory=dict)

    @property
    def firm(self) -> bool:
        """Does it say enough for what is new to be odd?"""
        return self.learned and self.until - self.since >= FIRM

    def steady(self, source: str) -> bool:
        """Does a source keep to its destinations? A server does, a browser does not."""
        all_, later = self.known.get(source, (0, 0))
        return all_ > 0 and later <= 0.1 * all_

    def written(self) -> str:
        """As a file."""
        parts = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(self).items()}
        return json.dumps({"stockade_traffic_normal": VERSION, **parts}, indent=1) + "\n"


def parse(text: str, where: str) -> Normal:
    """Read what ``written`` wrote. Raises ConfigurationError."""
    try:
        found: dict[str, Any] = json.loads(text)
        version = found.pop("stockade_traffic_normal")
        sets = {name: frozenset(map(str, found.pop(name))) for name in ("destinations", "ports", "served", "calls")}
        known = {str(name): (int(all_), int(later)) for name, (all_, later) in found.pop("known").items()}
        hourly = {str(name): int(most) for name, most in found.pop("hourly").items()}
        since, until, records = float(found["since"]), float(found["until"]), int(found["records"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigurationError(f"{where} holds no normal of traffic: {error}", remedy=REMEDY) from error
    if version != VERSION:
        raise ConfigurationError(f"{where} is a normal of version {version!r}", remedy=REMEDY)
    return Normal(since, until, records, True, **sets, known=known, hourly=hourly)
