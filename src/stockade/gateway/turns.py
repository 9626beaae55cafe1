"""How much one client may have going on at once of what costs the machine much: the others want a turn too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from stockade.errors import Unavailable


class TooMany(Unavailable):
    """There is no turn left."""


class Turns:
    """At most ``each`` at once for one client and ``together`` for all; ``what`` names them, as in "clones"."""

    def __init__(self, what: str, *, each: int, together: int) -> None:
        self.what, self.each, self.together = what, each, together
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, client: str) -> Iterator[None]:
        """One of them, until the end of the block. Raises TooMany when there are too many already."""
        if self._taken[client] >= self.each or self._taken.total() >= self.together:
            raise TooMany(f"Too many {self.what} at once.", remedy="Try again in a few seconds.")
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
