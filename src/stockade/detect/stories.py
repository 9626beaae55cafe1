"""One story is one finding: what repeats is folded into the first, what is part of something worse into that."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from stockade.events import Finding, Severity

MOST_STORIES: Final = 50_000
LONGEST: Final = 86_400.0
"""Seconds after which a story that never pauses is told again."""
WORST: Final[Sequence[Severity]] = ("critical", "high", "medium", "low", "informational")
"""Severities, the worst first."""

Key = tuple[str, str]


@dataclass(slots=True)
class Story:
    """A finding that was told, when it was last repeated, and how often."""

    began: float
    last: float
    repeated: int = 0


class Stories:
    """Which findings were told lately."""

    def __init__(self, *, most: int = MOST_STORIES) -> None:
        self._told = OrderedDict[Key, Story]()
        self._most = most

    def tell(self, finding: Finding, quiet: float) -> bool:
        """Whether to tell of it: the first of its rule and subject within ``quiet`` seconds, and once a day."""
        key = (finding.rule, str(finding.subject))
        story = self._told.get(key)
        if story is not None and finding.time - story.last <= quiet and finding.time - story.began <= LONGEST:
            story.last = max(story.last, finding.time)
            story.repeated += 1
            self._told.move_to_end(key)
            return False
        self._told[key] = Story(finding.time, finding.time)
        self._told.move_to_end(key)
        if len(self._told) > self._most:
            self._told.popitem(last=False)
        return True

    def clear(self) -> None:
        """Begin anew, as if nothing was told."""
        self._told.clear()

    def repeated(self, finding: Finding) -> int:
        """How often it has come again since it was told last."""
        story = self._told.get((finding.rule, str(finding.subject)))
        return story.repeated if story is not None and story.began == finding.time else 0


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then by time; those in shadow last."""
    return sorted(findings, key=lambda finding: (finding.shadow, WORST.index(finding.severity), finding.time))


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """Without those whose entries are all among the entries of a worse one: they are its chapters."""
    kept, covered = list[Finding](), dict[tuple[str, int], int]()
    for finding in worst_first(findings):
        marks = [(entry.origin, entry.index) for entry in finding.entries]
        rank = WORST.index(finding.severity)
        chapter = not finding.shadow and marks and all(covered.get(mark, rank) < rank for mark in marks)
        if chapter:
            continue
        kept.append(finding)
        if not finding.shadow:
            for mark in marks:
                covered.setdefault(mark, rank)
    return kept
