"""Repositories of borg and restic, read by these programs themselves: nothing is restored, locked or written there.

A passphrase comes from where the program looks for it (``BORG_PASSCOMMAND``, ``RESTIC_PASSWORD_FILE``, …), or from
whoever is asked for it; it goes to the program in its environment, never as an argument.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from stockade.errors import ConfigurationError, Unavailable
from stockade.host.backups.listed import BackedUp, Backup, archives, files, lists_names, names_in
from stockade.host.backups.tars import Wanted, of_tar

LARGEST: Final = 64 << 20
"""Octets of a list of archives, and of a list of names in a backup, which are read as a whole."""
MOST: Final = 100
"""Files of names of a snapshot of restic that are read: each has to be asked for by itself."""
PACKAGES: Final = {"borg": "borgbackup", "restic": "restic", "zstd": "zstd"}
_SECRET: Final = {"borg": "BORG_PASSPHRASE", "restic": "RESTIC_PASSWORD"}
_WHERE: Final = {"borg": "BORG_REPO", "restic": "RESTIC_REPOSITORY"}
_OPENS: Final = {"borg": "export BORG_PASSCOMMAND='cat FILE'", "restic": "export RESTIC_PASSWORD_FILE=FILE"}
_AS_IT_IS: Final = {"borg": "--bypass-lock", "restic": "--no-lock"}
_LOCKED: Final = re.compile(r"passphrase|wrong password|empty password|no key found|no password", re.IGNORECASE)
_WITH_PASSWORD: Final = re.compile(r"//[^/@:]*:[^/@]+@")
_QUIET: Final = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
"""Times in UTC; and a repository that nobody has encrypted may be read."""


def repository(place: str) -> tuple[str, str] | None:
    """The program and the location of ``borg:LOCATION``, ``restic:LOCATION``, or a folder that looks like one; None for
    anything else. Raises ConfigurationError for a password where everybody could see it.
    """
    program, colon, location = place.partition(":")
    if colon and program in _WHERE:
        if _WITH_PASSWORD.search(location):
            raise ConfigurationError(
                f"there is a password in the location of the {program} repository",
                remedy=f"Put the location into {_WHERE[program]}, and write {program}: alone.",
            )
        return program, location
    folder = Path(place)
    with suppress(OSError):
        if (folder / "data").is_dir() and (folder / "config").is_file():
            if (folder / "keys").is_dir() and (folder / "snapshots").is_dir():
                return "restic", place
            if (folder / "config").read_bytes()[:12] == b"[repository]":
                return "borg", place
    return None


@dataclass(frozen=True, slots=True)
class Repositories:
    """Reads them. ``ask`` is asked for the passphrase of a repository that does not open, once each."""

    ask: Callable[[str], str] | None = None
    secrets: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def backups(self, program: str, location: str) -> Iterator[Backup]:
        """What is in one. Raises ConfigurationError when it does not open, and Unavailable without its program."""
        kind = "borg archive" if program == "borg" else "restic snapshot"
        for name, taken, spread, host in archives(self._list(program, location)):
            yield Backup(name, f"{program}:{location}", taken, kind, spread, host)

    def contents(self, backup: Backup, wanted: Wanted | None) -> Iterator[BackedUp]:
        """The files of one, streamed: with their digests where ``wanted`` is given, which takes reading all of it.

        Raises OSError.
        """
        program, _, location = backup.place.partition(":")
        one = _One(self, program, location, backup.name)
        yield from one.whole(wanted) if wanted is not None else one.listed()

    def _list(self, program: str, location: str) -> str:
        borg = ("list", "--json", "--format", "{hostname}{start}{end}", "--", location)
        try:
            with self.running(program, location, *(borg if program == "borg" else ("snapshots", "--json"))) as said:
                return said.read(LARGEST).decode("utf-8", "replace")
        except OSError as error:
            if not _LOCKED.search(str(error)):
                raise ConfigurationError(f"{program} cannot read {location}: {error}", remedy=_remedy(error)) from error
            if self.ask is None or (program, location) in self.secrets:
                raise ConfigurationError(f"{location} does not open: {error}", remedy=_OPENS[program]) from error
        self.secrets[program, location] = self.ask(location)
        return self._list(program, location)

    @contextmanager
    def running(self, program: str, location: str, called: str, *words: str) -> Iterator[IO[bytes]]:
        """What a program says. Raises OSError with its last word when it does not end well."""
        secret = self.secrets.get((program, location))
        added = _QUIET | ({_SECRET[program]: secret} if secret else {})
        where = ["-r", location] if program == "restic" and location else []
        with output([program, called, _AS_IT_IS[program], *where, *words], added) as said:
            yield said


@dataclass(frozen=True, slots=True)
class _One:
    """One archive, or one snapshot."""

    repositories: Repositories
    program: str
    location: str
    name: str

    def whole(self, wanted: Wanted) -> Iterator[BackedUp]:
        """All of it, read."""
        with self._tar() as tar:
            yield from of_tar(tar, wanted)

    def listed(self) -> Iterator[BackedUp]:
        """Its list, and of its files only those read that list names."""
        known = {each.path: each.names for each in self._names()} if self.program == "borg" else {}
        words = ("--json-lines", "--", f"{self.location}::{self.name}")
        asked = ("list", *words) if self.program == "borg" else ("ls", "--json", "--", self.name)
        left = MOST
        with self._running(*asked) as said:
            lines = (line.decode("utf-8", "surrogateescape") for line in said)
            for each in files(self.program, lines):
                if not (each.plain and lists_names(each.path)):
                    yield each
                elif self.program == "borg":
                    yield replace(each, names=known.get(each.path))
                else:
                    left -= 1
                    yield replace(each, names=self._dumped(each.path) if left >= 0 else None)

    def _names(self) -> Iterator[BackedUp]:
        patterns = (r"re:(^|/)etc/passwd$", r"re:(^|/)authorized_keys2?$")
        with self._tar(*patterns) as tar:
            yield from of_tar(tar, None)

    def _dumped(self, path: str) -> tuple[str, ...] | None:
        with self._running("dump", "--", self.name, path) as said:
            octets = said.read(LARGEST + 1)
        return names_in(path, octets.decode("utf-8", "replace")) if len(octets) <= LARGEST else None

    @contextmanager
    def _tar(self, *patterns: str) -> Iterator[IO[bytes]]:
        borg = ("export-tar", "--", f"{self.location}::{self.name}", "-", *patterns)
        asked = borg if self.program == "borg" else ("dump", "--archive", "tar", "--", self.name, "/")
        with self._running(*asked) as said:
            yield said

    @contextmanager
    def _running(self, called: str, *words: str) -> Iterator[IO[bytes]]:
        with self.repositories.running(self.program, self.location, called, *words) as said:
            yield said


@contextmanager
def output(argv: Sequence[str], added: dict[str, str] | None = None) -> Iterator[IO[bytes]]:
    """What a program says, streamed; it is ended when nobody reads on. Raises Unavailable when it is not there, and
    OSError with its last word when it does not end well.
    """
    if shutil.which(argv[0]) is None:
        raise Unavailable(f"there is no program {argv[0]}", remedy=f"apt install {PACKAGES[argv[0]]}")
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints,
                                   env=os.environ | (added or {}))  # fmt: skip
        with process:
            assert process.stdout is not None  # noqa: S101  it is a pipe
            try:
                yield process.stdout
                process.stdout.read()
            except BaseException:
                process.kill()
                raise
        complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - (1 << 16)))
        said = complaints.read().decode("utf-8", "replace").strip()
    if process.returncode not in {0, 1} or (process.returncode == 1 and argv[0] != "borg"):  # of borg, 1 is a warning
        raise OSError(said[-500:] or f"{argv[0]} ended with {process.returncode}")


def _remedy(error: OSError) -> str:
    if "previously located" in str(error):
        return "When it was you who moved it: export BORG_RELOCATED_REPO_ACCESS_IS_OK=yes"
    return "Try by hand: borg list REPOSITORY, or restic -r REPOSITORY snapshots."
