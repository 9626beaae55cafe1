"""How a machine is looked at: one look after another, each telling what is odd, what it cannot see, how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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


def looked(looks: Mapping[str, Look]) -> Iterator[Told]:
    """Run looks in their order. One that trips over what it meets is told as not seen, and the others go on."""
    for at, (what, look) in enumerate(looks.items()):
        yield Progress(what, look=at, looks=len(looks))
        try:
            for told in look():
                yield replace(told, look=at, looks=len(looks)) if isinstance(told, Progress) else told
        except Exception as error:  # noqa: BLE001  an intruder who trips up one look must not blind the others
            yield Unseen(what, f"the look ended early: {type(error).__name__}: {error}", "Report this as a mistake.")
