"""The words of looking at a machine: what is looked at, and what a look tells: oddities, what is unseen, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stockade.host.oddity import Oddity, Unseen


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at: the folder that is its root, its name, and the moment in seconds since the epoch, UTC.

    ``thorough`` looks also do what takes more than a second or two.
    """

    root: Path
    name: str
    now: float
    thorough: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a look is: what it is at, and how much it has done of how much; ``of`` is 0 where nobody can tell.

    ``look`` and ``looks`` say which of all the looks it is; a look leaves them alone.
    """

    what: str
    done: int = 0
    of: int = 0
    look: int = 0
    looks: int = 1

    @property
    def share(self) -> float:
        """How much of everything is done, from 0 to 1."""
        within = self.done / self.of if self.of else 0.0
        return min(1.0, (self.look + min(1.0, within)) / max(1, self.looks))


Told: TypeAlias = Oddity | Unseen | Progress
Look: TypeAlias = Callable[[], Iterable[Told]]
