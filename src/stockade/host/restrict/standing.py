"""How a restriction stands, read from what the kernel lists: what counts, what is on trial, and what was dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stockade.host.restrict.rules import BASES, HOOKS

_NOTE: Final = re.compile(r"(?P<called>restrict|isolate) (?P<digest>[0-9a-f]{12}) by (?P<by>.*) at (?P<at>\d+)")


@dataclass(frozen=True, slots=True)
class Note:
    """What stands with the rules: the form of the restriction, its digest, who gave it, and when (seconds since the
    epoch).
    """

    called: str
    digest: str
    by: str
    at: float

    def __str__(self) -> str:
        return f"{self.called} {self.digest} by {self.by} at {self.at:.0f}"

    @classmethod
    def parse(cls, text: str) -> Note | None:
        """Read what ``str(note)`` wrote; None when it is something else."""
        found = _NOTE.fullmatch(text)
        return cls(found["called"], found["digest"], found["by"], float(found["at"])) if found else None


@dataclass(frozen=True, slots=True)
class Passing:
    """A rule by its comment, and how many packets it has let through, whichever way."""

    what: str
    packets: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the kernel.

    ``kept`` is the number of the restriction that was confirmed, ``trial`` of the one on trial; 0 where there is none.
    ``left`` is how many seconds the trial still has; None when its time is up, and nothing of it counts any more.
    ``numbers`` are all that have chains. ``note``, ``passing`` and ``dropped`` are of the one that counts now; when
    none does, of the trial that is over.
    """

    kept: int
    trial: int
    left: float | None
    numbers: tuple[int, ...]
    note: Note | None
    passing: tuple[Passing, ...]
    dropped: int

    @property
    def on_trial(self) -> bool:
        """Whether the one that counts opens again by itself."""
        return self.trial > 0 and self.left is not None

    @property
    def lapsed(self) -> bool:
        """Whether a trial is over that nobody has confirmed."""
        return self.trial > 0 and self.left is None

    @property
    def counts(self) -> bool:
        """Whether anything is shut now."""
        return self.on_trial or self.kept > 0

    @property
    def others(self) -> tuple[int, ...]:
        """Whose chains nobody needs, once the trial is over."""
        return tuple(each for each in self.numbers if each != self.kept)


def standing_of(listed: Sequence[Mapping[str, Any]]) -> Standing:
    """How it stands, of the ``nftables`` array of libnftables-json(5) for the table."""
    rules = [item["rule"] for item in listed if "rule" in item]
    chains = [str(item["chain"]["name"]) for item in listed if "chain" in item]
    left = min(_left(item["set"]) for item in listed if "set" in item) if any("set" in i for i in listed) else None
    trial = next((_entered(rule) for rule in rules if rule["chain"] in HOOKS and len(rule["expr"]) > 1), 0)
    kept = next((_entered(rule) for rule in rules if rule["chain"] in HOOKS and len(rule["expr"]) == 1), 0)
    alive = None if left is None or left < 0 else left
    number = trial if alive is not None or not kept else kept
    own = [rule for rule in rules if number and rule["chain"] in {f"{base}_{number}" for base in BASES}]
    drops = [rule for rule in own if {"drop", "reject"} & set(rule["expr"][-1])]
    return Standing(
        kept, trial, alive if trial else None, _numbers(chains),
        next((Note.parse(str(rule.get("comment", ""))) for rule in drops), None),
        tuple(_passing(own)), sum(map(_packets, drops)),
    )  # fmt: skip


def _left(listed: Mapping[str, Any]) -> float:
    """Seconds until the first element of the set is gone; negative when none is there."""
    ends = [float(each["elem"].get("expires", 0)) for each in listed.get("elem", ()) if isinstance(each, dict)]
    return min(ends) if ends else -1.0


def _entered(rule: Mapping[str, Any]) -> int:
    target = str(rule["expr"][-1].get("goto", {}).get("target", ""))
    return int(target.rpartition("_")[2] or 0)


def _numbers(chains: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted({int(name.rpartition("_")[2]) for name in chains if "_" in name}))


def _passing(rules: Sequence[Mapping[str, Any]]) -> Iterator[Passing]:
    counted: dict[str, int] = {}
    for rule in rules:
        if "accept" in rule["expr"][-1] and "comment" in rule:
            counted[rule["comment"]] = counted.get(rule["comment"], 0) + _packets(rule)
    yield from (Passing(what, packets) for what, packets in counted.items())


def _packets(rule: Mapping[str, Any]) -> int:
    return sum(int(each["counter"]["packets"]) for each in rule["expr"] if "counter" in each)
