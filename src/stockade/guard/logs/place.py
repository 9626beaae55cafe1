"""The place where reading a log has stopped, kept in a file of its own."""

from __future__ import annotations

import os
from pathlib import Path


class Place:
    """What a tail calls its place, kept at ``path``; nowhere when that is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: str | None = None

    def load(self) -> str | None:
        """What was kept; None when there is nothing that can be read."""
        try:
            return self._path.read_text() if self._path else None
        except (OSError, ValueError):
            return None

    def keep(self, place: str) -> None:
        """Write it down in one step, for the owner alone."""
        if self._path is None or place == self._kept:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(place)
        draft.replace(self._path)
        self._kept = place
