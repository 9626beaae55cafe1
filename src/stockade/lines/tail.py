"""Follows a growing log by its lines, through rotation and truncation, and tells at any time how far it was read.

A place is a list of positions: of the file itself, and of those that were rotated away and are not read to their end.
It is handed over together with the lines before it, so that whoever starts again with it repeats nothing and leaves
nothing out. What was rotated away while nobody read is looked for beside the file, by its first octets, and so are the
files between it and the newest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from stockade.lines.opened import Line, OpenFile, Position

GRACE: Final = 30.0
"""Seconds without growth after which a file that was rotated away is let go: its writer has noticed by then."""
LISTINGS: Final = 10
"""How often a folder is listed for a file: one that is renamed meanwhile can escape a listing."""
PACKED: Final = (".gz", ".xz", ".zst", ".bz2")

Say = Callable[[str], None]


class Tail:
    """The lines of a log, from a place on. ``say`` takes what an operator should hear; ``clock`` is monotonic, in
    seconds. Raises ConfigurationError for what is not a regular file.
    """

    def __init__(self, path: Path, *, place: str | None, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.gaps: list[str] = []
        self._say, self._clock = say, clock
        self._current: OpenFile | None = None
        self._leaving: list[tuple[OpenFile, float]] = []  # oldest first, each with when it last grew
        self._told = set[str]()
        if place is not None:
            self._go_on(self._positions(place))

    @property
    def opened(self) -> bool:
        """Has the file been there yet?"""
        return self._current is not None or bool(self._leaving)

    def take(self, most: int) -> list[Line]:
        """The next whole lines, at most so many; none when there is nothing new."""
        if lines := self._from_leaving(most):
            return lines
        if self._current is None:
            self._begin()
            if lines := self._from_leaving(most):
                return lines
        if self._current is None:
            return []
        if self._current.rewritten():
            return self._after_truncation(self._current, most)
        lines = self._current.take(most)
        if not lines and self._is_rotated(self._current):
            self._say(f"{self.path}: rotated; going on with the new file")
            self._leaving.append((self._current, self._clock()))
            self._current = None
            self._begin()
            return self.take(most)
        return lines

    def place(self) -> str:
        """How far was read, once the lines taken so far are safe."""
        files = [file for file, _ in self._leaving] + ([self._current] if self._current else [])
        return json.dumps([asdict(file.position()) for file in files], separators=(",", ":"))

    def close(self) -> None:
        """Let go of the files."""
        for file in [file for file, _ in self._leaving] + ([self._current] if self._current else []):
            file.close()
        self._leaving, self._current = [], None

    def _begin(self) -> None:
        """Open the file that is there now, and those that came and went since the last one, which are read first."""
        current = self._open(self.path)
        for at, (file, _) in enumerate(self._leaving):
            if current is not None and file.identity == current.identity:  # renamed, and renamed back
                current.close()
                current = file
                del self._leaving[at]
                break
        if self._leaving:
            self._leaving += [(file, self._clock()) for file in self._younger(self._leaving[-1][0], current)]
        self._current = current

    # ── what was rotated away ────────────────────────────────────────────────────────────────────

    def _from_leaving(self, most: int) -> list[Line]:
        """Lines of files that were rotated away, in their order; each is let go when another has followed it and it has
        not grown for a while.
        """
        for at, (file, grown) in enumerate(self._leaving):
            if lines := file.take(most):
                self._leaving[at] = (file, self._clock())
                return lines
            followed = self._current is not None or at + 1 < len(self._leaving)
            if followed and self._clock() - grown >= GRACE:
                lines = file.rest()
                file.close()
                del self._leaving[at]
                return lines or self._from_leaving(most)
        return []

    def _after_truncation(self, file: OpenFile, most: int) -> list[Line]:
        """Read the rest in a copy that was made before, if there is one, and begin anew."""
        self._say(f"{self.path}: truncated; reading it from its beginning")
        before = file.position()
        file.start_at(0)
        copy = self._find(before, apart_from=file)
        if copy is None:
            return file.take(most)
        copy.start_at(before.offset)
        self._leaving.append((copy, self._clock()))
        return copy.take(most) or file.take(most)

    def _is_rotated(self, file: OpenFile) -> bool:
        try:
            found = self.path.stat()
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != file.identity

    # ── where reading had stopped ────────────────────────────────────────────────────────────────

    def _positions(self, place: str) -> list[Position]:
        try:
            return [Position(**each) for each in json.loads(place)]
        except (ValueError, TypeError):
            self._lost("the place where reading had stopped cannot be read")
            return []

    def _lost(self, why: str) -> None:
        what = f"{self.path}: {why}; lines may be missing"
        self._say(what)
        self.gaps.append(what)

    def _go_on(self, places: list[Position]) -> None:
        """Find the places that were kept: in the file itself, or in those that it was rotated or copied to."""
        for position in places:
            file = self._find(position)
            if file is None:
                self._lost("the place where reading had stopped is gone")
                continue
            file.start_at(position.offset)
            self._leaving.append((file, self._clock()))
        if not self._leaving:
            return
        last = self._leaving[-1][0]
        if not self._is_rotated(last):
            self._leaving.pop()
            self._current = last

    def _younger(self, than: OpenFile, current: OpenFile | None) -> Iterator[OpenFile]:
        """The files that were rotated away after one, oldest first: all of each is unread, or known by its lines."""
        known = {file.identity for file, _ in self._leaving} | ({current.identity} if current else set())
        beside = [(changed, path) for path in self._beside() if path != self.path and (changed := _changed(path))]
        for changed, path in sorted(beside, key=lambda found: (found[0], -_number(found[1]), found[1].name)):
            if changed >= than.read_when and (file := self._open(path)) is not None:
                if file.identity in known:
                    file.close()
                else:
                    yield file

    def _find(self, position: Position, apart_from: OpenFile | None = None) -> OpenFile | None:
        for _ in range(LISTINGS):
            for path in self._namesakes(position):
                file = self._open(path)
                if file is None:
                    continue
                if file.holds(position) and not (apart_from and file.identity == apart_from.identity):
                    return file
                file.close()
        return None

    def _namesakes(self, position: Position) -> list[Path]:
        """The file and those named after it, the one with the inode first."""
        beside = self._beside()
        same = {path for path in beside if _inode(path) == position.inode}
        return sorted(beside, key=lambda path: (path not in same, path != self.path, path.name))

    def _beside(self) -> list[Path]:
        """The file and those that are named after it as logrotate does: ``x.log.1``, ``x.log-20240101``."""
        named = [path for path in self.path.parent.glob(f"{self.path.name}[.-]?*") if path.suffix not in PACKED]
        return [path for path in [self.path, *named] if path.is_file()]

    def _open(self, path: Path) -> OpenFile | None:
        try:
            return OpenFile(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                self._say(f"{path}: cannot be opened: {error.strerror}; trying on")
            return None


def _number(path: Path) -> int:
    """Of two files of one moment that are numbered, the one with the larger number is the older."""
    suffix = path.suffix[1:]
    return int(suffix) if suffix.isascii() and suffix.isdecimal() and len(suffix) < 4 else 0


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
