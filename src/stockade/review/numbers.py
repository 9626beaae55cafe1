"""The numbers of entries that were seen, and how many are missing among them."""

from __future__ import annotations


class Numbers:
    """Takes the numbers of a log from ``first`` on, in any order and also twice; as small as they have few holes."""

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._runs = dict[int, int]()  # the end of each run of numbers → its start

    def take(self, number: int) -> None:
        """It is there."""
        start = self._runs.pop(number, number)
        self._runs[number + 1] = min(start, self._runs.get(number + 1, start))

    @property
    def missing(self) -> int:
        """How many are not there, of those from the first to the highest that is."""
        lost, at = 0, self._first
        for start, end in sorted((start, end) for end, start in self._runs.items()):
            lost += max(0, start - at)
            at = max(at, end)
        return lost
