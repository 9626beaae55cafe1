"""What a store has answered for each file that it keeps: enough to ask it for exactly that, years later."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stockade.errors import ConfigurationError

SUFFIX = ".receipts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One file in the store: its name, its version, the SHA-256 of its octets in hexadecimal, and the end of its lock.

    ``until`` and ``at`` are in seconds since the epoch. The name alone is not enough: whoever may write can put another
    version on top, and only the version that is named here is the one that was carried.
    """

    key: str
    version: str
    sha256: str
    until: float
    at: float


class Receipts:
    """The receipts of one sink, a line of JSON each, the newest last."""

    def __init__(self, state: Path, name: str) -> None:
        self.path = state / f"{name}{SUFFIX}"

    def add(self, new: Sequence[Receipt]) -> None:
        """Keep some more, on disk when this returns. Raises OSError."""
        with self.path.open("ab") as file:
            file.write(b"".join(json.dumps(asdict(each)).encode() + b"\n" for each in new))
            file.flush()
            os.fsync(file.fileno())

    def __iter__(self) -> Iterator[Receipt]:
        """All of them. Raises ConfigurationError when there are none, or one is damaged."""
        try:
            with self.path.open("rb") as file:
                for line in file:
                    yield Receipt(**json.loads(line))
        except FileNotFoundError:
            raise ConfigurationError(f"there are no receipts in {self.path}", remedy="Carry something first.") from None
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{self.path} is damaged") from error
