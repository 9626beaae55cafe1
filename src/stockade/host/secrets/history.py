"""What was ever committed to a repository, looked through for secrets: commit by commit, and next time only new ones.

``git log`` is read as it comes. Of a suspicious repository nothing is run: no hook, filter, external diff, monitor or
signature program, and nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from stockade.host.oddity import Unseen
from stockade.host.secrets.found import Place, Sighting, Where
from stockade.host.secrets.scanning import Scanner

LONGEST_LINE: Final = 1 << 20
"""Octets of a line that are looked at."""
BLOCK: Final = 1 << 18
"""Characters of added lines that are looked at in one piece."""
LARGEST: Final = "16m"
"""What is larger is taken for binary by Git, and not looked at."""
_MARK: Final = "\x1ecommit "
_GIT: Final = (
    "git", "--no-pager", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", f"core.bigFileThreshold={LARGEST}",
    "-c", "diff.renames=false", "-c", "core.attributesFile=/dev/null",
)  # fmt: skip
_LOG: Final = (
    "log", "--all", "--ignore-missing", "-p", "-U0", "-c", "--no-ext-diff", "--no-textconv", "--no-color",
    "--no-show-signature", "--no-mailmap", "--no-notes", "--src-prefix=a/", "--dst-prefix=b/", "--full-index",
    f"--format={_MARK}%H %an", "--stdin",
)  # fmt: skip


@dataclass(slots=True)
class _Piece:
    """Lines that one commit added to one file, as far as they were read."""

    commit: str = ""
    author: str = ""
    path: str = ""
    lines: list[str] = field(default_factory=list)
    size: int = 0


def tips(repository: Path) -> tuple[str, ...]:
    """The commits that all names of a repository lead to, sorted: where the next scan goes on. Raises OSError."""
    said = _run(repository, "for-each-ref", "--format=%(objectname)")
    if said.returncode:
        raise OSError(said.returncode, _first_line(said.stderr))
    return tuple(sorted(set(said.stdout.decode("ascii", "replace").split())))


def scan(scanner: Scanner, repository: Path, known: Sequence[str] = ()) -> Iterator[Sighting | Unseen]:
    """The secrets in what was committed, but for what the commits in ``known`` lead to."""
    process = subprocess.Popen(
        [*_GIT, "-C", str(repository), *_LOG],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
    with process:
        try:
            process.stdin.write(b"".join(b"^%b\n" % each.encode("ascii") for each in known))
            process.stdin.close()
            for piece in _pieces(process.stdout):
                yield from _look(scanner, repository, piece)
            wrong = _first_line(process.stderr.read(4096))
        finally:
            process.kill()
    if process.returncode > 0:
        yield Unseen(f"history of {repository}", f"git says: {wrong}", "Look at the repository with git fsck.")


def _look(scanner: Scanner, repository: Path, piece: _Piece) -> Iterator[Sighting]:
    for each in scanner.look("".join(piece.lines), piece.path, whole=False):
        place = Place(Where.HISTORY, f"{repository}:{piece.path}", each.name, piece.commit[:12], piece.author)
        yield scanner.sighting(each, place)


def _pieces(stream: IO[bytes]) -> Iterator[_Piece]:
    """What was added, file by file, in pieces that are not too large; each piece is used before the next is read."""
    piece, parents = _Piece(), 1
    for line in _lines(stream):
        if line.startswith(_MARK):
            yield from _done(piece)
            commit, _, author = line[len(_MARK) :].strip().partition(" ")
            piece = _Piece(commit, author)
        elif line.startswith(("diff --git ", "diff --combined ", "diff --cc ")):
            yield from _done(piece)
            piece = _Piece(piece.commit, piece.author)
        elif line.startswith("+++ ") and not piece.path:
            piece.path = line[4:].strip().strip('"').removeprefix("b/")
        elif line.startswith("@@"):
            parents = len(line) - len(line.lstrip("@")) - 1
        elif piece.path and "+" in line[:parents] and "-" not in line[:parents]:
            piece.lines.append(line[parents:])
            piece.size += len(line)
            if piece.size > BLOCK:
                yield piece
                piece = _Piece(piece.commit, piece.author, piece.path)
    yield from _done(piece)


def _done(piece: _Piece) -> Iterator[_Piece]:
    if piece.lines:
        yield piece


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines, each no longer than may be looked at: of a longer one, the rest is passed over."""
    while line := stream.readline(LONGEST_LINE):
        yield line.decode("utf-8", "surrogateescape")
        while not line.endswith(b"\n") and (line := stream.readline(LONGEST_LINE)):
            pass


def _run(repository: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*_GIT, "-C", str(repository), *words], capture_output=True, check=False, env=_environment(), timeout=60
    )


def _environment() -> dict[str, str]:
    """Nothing of ours but where programs are: a variable could have Git run another program."""
    kept = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _first_line(said: bytes) -> str:
    return said.decode("utf-8", "replace").partition("\n")[0][:200]
