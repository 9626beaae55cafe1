"""Whether a store keeps what it promises, found out by trying to break it: what was tried, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What an attempt has shown."""

    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One attempt: what it is about, what was tried, what the store answered, and what that shows."""

    name: str
    tried: str
    answered: str
    verdict: Verdict
