"""The small forge that is there when nothing was configured: two accounts, a project, and its repository with one
commit.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.directory import BuiltinDirectory, NameTaken, seed
from stockade.errors import Unavailable

READ_ME: Final = b"# Hello\n\nThis repository was made by `stockade serve`, to try things out with.\n"
WHO: Final = "Stockade <stockade@localhost>"


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the repositories are, and who was made to try things out with: None when there is somebody already, with
    passwords that only their owners know; ``there``, whether they are from an earlier time.
    """

    repositories: Path
    made: seed.Demo | None
    there: bool = True


def prepare(state: Path, directory: BuiltinDirectory) -> Demo:
    """Make what is missing below ``state``; harmless when all is there, and where others live. Raises Unavailable
    without Git.
    """
    root = state / "repositories"
    if seed.others_live_in(directory):
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Demo(root, None, there=False)
    bare = root / f"{seed.REPOSITORY}.git"
    if not (bare / "HEAD").exists():
        create(bare)
        _first_commit(bare)
    try:
        return Demo(root, seed.demo(directory))
    except NameTaken:
        return Demo(root, None)


def create(bare: Path) -> None:
    """An empty bare repository."""
    bare.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))


def _first_commit(bare: Path) -> None:
    """One commit on ``main``, made of Git's own parts: no work tree is needed for it."""
    blob = _git("hash-object", "-w", "--stdin", at=bare, given=READ_ME)
    tree = _git("mktree", at=bare, given=f"100644 blob {blob}\tREADME.md\n".encode())
    commit = _git("commit-tree", tree, "-m", "Say hello", at=bare)
    _git("update-ref", "refs/heads/main", commit, at=bare)


def _git(*arguments: str, at: Path | None = None, given: bytes = b"") -> str:
    name, _, address = WHO.rstrip(">").partition(" <")
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address))
    }
    place = {"GIT_DIR": str(at)} if at else {}
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **who,
        **place,
    }
    try:
        done = subprocess.run(["git", *arguments], input=given, env=environment, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        message = f"The first repository could not be made: {said.decode(errors='replace').strip()}"
        raise Unavailable(message, remedy="See that git is installed and its directory may be written.") from error
    return done.stdout.decode().strip()
