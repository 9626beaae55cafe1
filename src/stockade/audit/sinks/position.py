"""How far a sink is, remembered on disk: which entry it wants next, and what went wrong last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stockade.audit.durable import write_durably
from stockade.errors import ConfigurationError

SUFFIX = ".position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where one sink stands. Times are in seconds since the epoch; 0 is never.

    ``next`` is the number of the entry that it wants next; ``reached`` the furthest that this has ever been, since a
    sink may ask for something again. ``moved`` is when it last took some, ``error`` what is wrong since ``failing``,
    ``remark`` what is weaker about it than one might think.
    """

    next: int = 0
    reached: int = 0
    moved: float = 0.0
    error: str = ""
    failing: float = 0.0
    remark: str = ""


class Place:
    """The file in which one sink's position is kept; it is replaced in one step, so it is never half written."""

    def __init__(self, state: Path, name: str) -> None:
        self.path = state / f"{name}{SUFFIX}"

    def read(self) -> Position:
        """Where the sink stood; at the beginning when nothing is remembered. Raises ConfigurationError."""
        try:
            found = json.loads(self.path.read_bytes())
            return Position(
                next=int(found["next"]),
                reached=int(found["reached"]),
                moved=float(found["moved"]),
                error=str(found["error"]),
                failing=float(found["failing"]),
                remark=str(found["remark"]),
            )
        except FileNotFoundError:
            return Position()
        except (ValueError, KeyError, TypeError) as error:
            remedy = "Remove it: then the sink is sent everything again, and sorts it out by number."
            raise ConfigurationError(f"{self.path} is damaged", remedy=remedy) from error

    def write(self, position: Position) -> None:
        """Remember it, on disk when this returns. Raises OSError."""
        write_durably(self.path, json.dumps(asdict(position)).encode() + b"\n")


def positions_in(state: Path) -> dict[str, Position]:
    """All sinks that something is remembered of, by name."""
    return {path.name.removesuffix(SUFFIX): _at(path) for path in sorted(state.glob(f"*{SUFFIX}"))}


def _at(path: Path) -> Position:
    return Place(path.parent, path.name.removesuffix(SUFFIX)).read()
