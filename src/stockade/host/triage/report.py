"""What a look at a machine has come to: the worst first, and one sentence that says how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.looking import Told

NOTE: Final[Severity] = "informational"
WORST_FIRST: Final[Mapping[Severity, int]] = {"critical": 0, "high": 1, "medium": 2, "low": 3, NOTE: 4}


ALIKE: Final = 200
"""Oddities of one signal and severity that are told of a machine."""
KINDS: Final = 200
"""Signals, by severity, that are told of a machine; there are some sixty."""


@dataclass(frozen=True, slots=True)
class Report:
    """One machine: what is odd, the worst first, and what could not be seen; ``reached`` unless nothing could."""

    host: str
    oddities: tuple[Oddity, ...]
    unseen: tuple[Unseen, ...]
    reached: bool = True

    @property
    def findings(self) -> Sequence[Oddity]:
        """What somebody has to look into."""
        return [each for each in self.oddities if each.severity != NOTE]

    @property
    def stories(self) -> Sequence[Sequence[Oddity]]:
        """The findings, those about the same thing together, as the worst of each comes."""
        found: dict[Ref, list[Oddity]] = {}
        for each in self.findings:
            found.setdefault(each.subject, []).append(each)
        return list(found.values())

    @property
    def notes(self) -> Sequence[Oddity]:
        """What is odd, and explained."""
        return [each for each in self.oddities if each.severity == NOTE]

    @property
    def verdict(self) -> str:
        """How it stands, in a sentence that claims nothing which was not looked at."""
        grave = sum(story[0].severity in {"critical", "high"} for story in self.stories)
        if grave:
            return f"treat {self.host} as compromised until {'this is' if grave == 1 else 'these are'} explained"
        if self.findings:
            return f"nothing on {self.host} proves an intruder; look at what is below"
        if not self.reached:
            return f"nothing of {self.host} could be looked at"
        if self.unseen:
            return f"no trace of an intruder in what could be seen of {self.host}"
        return f"no trace of an intruder on {self.host}"


def few(told: Iterable[Told]) -> Iterator[Told]:
    """All that is told, but of what is alike no more than anybody reads: who plants a hundred thousand files that are
    odd must not bury what else there is, nor fill the log. What was left out is counted.
    """
    counted = Counter[tuple[str, Severity]]()
    for each in told:
        if isinstance(each, Oddity):
            kind = each.signal, each.severity
            counted[kind] += 1
            if counted[kind] > ALIKE or (len(counted) > KINDS and counted[kind] == 1):
                continue
        yield each
    for (signal, severity), count in islice(counted.items(), KINDS):
        if count > ALIKE:
            yield Unseen(f"{count - ALIKE} more of {signal}, {severity}", f"{ALIKE} of them are told")
    if len(counted) > KINDS:
        yield Unseen(f"{len(counted) - KINDS} more kinds of traces", "no look knows so many: what tells them lies")


def reported(host: str, told: Iterable[Told]) -> Report:
    """All that a look has told, in order."""
    kept = list(told)
    return Report(host, worst_first(each for each in kept if isinstance(each, Oddity)), _unseen(kept), _reached(kept))


def _reached(told: Iterable[Told]) -> bool:
    return any(not isinstance(each, Unseen) for each in told)


def worst_first(oddities: Iterable[Oddity]) -> tuple[Oddity, ...]:
    """In the order in which somebody should look at them; those alike beside each other."""
    return tuple(sorted(oddities, key=lambda each: (WORST_FIRST[each.severity], each.signal)))


def _unseen(told: Iterable[Told]) -> tuple[Unseen, ...]:
    return tuple(dict.fromkeys(each for each in told if isinstance(each, Unseen)))
