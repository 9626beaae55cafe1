"""A log made again from what a store holds, in a directory of its own."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from stockade.audit.layout import CHECKPOINT, HISTORY
from stockade.errors import ConfigurationError, Tampered


class Restored:
    """A directory that becomes a log: later versions of a file replace earlier ones, and the last head is its head."""

    def __init__(self, folder: Path, prefix: str) -> None:
        """``prefix`` is what all names in the store begin with. Raises ConfigurationError when there is something."""
        if folder.exists() and any(folder.iterdir()):
            raise ConfigurationError(f"{folder} is not empty", remedy="Name a directory for the log that comes back.")
        self._folder, self._prefix = folder, prefix

    def put(self, key: str, octets: bytes) -> None:
        """One file. Raises Tampered for a name that leads out of the directory."""
        name = PurePosixPath(key.removeprefix(f"{self._prefix}/"))
        if name.is_absolute() or ".." in name.parts:
            raise Tampered(f"a receipt names {key}, which is no file of a log")
        self._write(self._folder / name, octets)
        if name.parts[0] == HISTORY:
            self._write(self._folder / CHECKPOINT, octets)

    def _write(self, path: Path, octets: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
