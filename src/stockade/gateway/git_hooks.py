"""Git hooks of the directory, run at a push from the operator's own programs and from nothing else.

A row of the directory names a program by what is in it. It is run when the operator has put the same octets, by their
digest, into a folder that is root's alone; what is run then is that file. So whoever writes to the database can have
one of these programs run, or not run, and no other. Nothing is put into a repository: Git is told for one push where
its hooks are, and there it finds scripts that say nothing but who runs them.
"""

from __future__ import annotations

import json
import logging
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stockade.directory import BuiltinDirectory
from stockade.directory.builtin.automation import GIT_HOOKS, LONGEST_HOOK, Hook
from stockade.errors import ConfigurationError
from stockade.events import Event, Outcome, Ref
from stockade.gateway import hook_runner
from stockade.gateway.git_settings import settings

OTHERS: Final = ("post-update", "reference-transaction", "proc-receive", "push-to-checkout")
"""Hooks of a push that a repository may have of its own (githooks(5))."""
MOST: Final = 1_000
_log = logging.getLogger("stockade.hooks")


@dataclass(frozen=True)
class Hooks:
    """The hooks that ``directory`` names, as far as they are programs in ``folder``; ``scripts`` is where Git finds
    those that start them.
    """

    directory: BuiltinDirectory
    folder: Path
    scripts: Path

    def prepare(self) -> None:
        """Make the scripts. Raises ConfigurationError when the folder is not root's alone."""
        refuse_unsafe(self.folder)
        self.scripts.mkdir(mode=0o700, exist_ok=True)
        runner = shlex.join([sys.executable, "-I", "-S", str(Path(hook_runner.__file__))])
        for name in GIT_HOOKS:
            _write(self.scripts / name, f'#!/bin/sh\nexec {runner} {name} "$@"\n')
        for name in OTHERS:
            _write(self.scripts / name, f'#!/bin/sh\n[ ! -x hooks/{name} ] || exec hooks/{name} "$@"\n')

    def variables(self, project: str, user: str, source: str | None) -> dict[str, str]:
        """What Git is told for one push, which is nothing when the project has no hook in force."""
        wanted = self.directory.hooks(project)
        if not wanted:
            return {}
        allowed = self._allowed()
        job = {"hooks": [_job(hook, allowed) for hook in wanted], "user": user, "project": project, "source": source}
        return {**settings(str(self.scripts)), "STOCKADE_HOOKS": json.dumps(job)}

    def _allowed(self) -> Mapping[str, Path]:
        """The operator's programs by digest; none while the folder is not root's alone."""
        try:
            refuse_unsafe(self.folder)
            return {sha256(file.read_bytes()).hexdigest(): file for file in _programs(self.folder)}
        except (ConfigurationError, OSError) as error:
            _log.error("no Git hook is run: %s", error)
            return {}


def _job(hook: Hook, allowed: Mapping[str, Path]) -> dict[str, str]:
    file = allowed.get(hook.sha256, "")
    return {"ref": str(hook.ref), "event": hook.name, "sha256": hook.sha256, "file": str(file)}


def events(told: str, actor: Ref | None, project: str, source: str | None, now: float) -> Iterator[Event]:
    """What the runner has told of a push, for the record."""
    for line in told.splitlines():
        said: dict[str, Any] = json.loads(line)
        outcome: Outcome = "refused" if "code" not in said else "failure" if said["code"] else "success"
        ref = Ref.parse(str(said.pop("ref")))
        yield Event(now, "githook.run", actor, ref, source, outcome, {"place": project, **said})


def refuse_unsafe(folder: Path) -> None:
    """Raises ConfigurationError for a folder that anybody but root could change, or put another in the place of."""
    for place in (folder.absolute(), *folder.absolute().parents):
        try:
            found = place.lstat()
        except OSError as error:
            raise ConfigurationError(f"the folder of Git hooks, {place}, cannot be read: {error.strerror}") from error
        sticky = place != folder.absolute() and found.st_mode & stat.S_ISVTX
        others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky
        if found.st_uid != 0 or others or not stat.S_ISDIR(found.st_mode):
            raise ConfigurationError(
                f"{place} is not root's alone, and so decides nothing about Git hooks",
                remedy=f"chown root:root {place} && chmod go-w {place}",
            )


def _programs(folder: Path) -> Iterator[Path]:
    """The files in it that root alone can change and everybody may run."""
    for file in sorted(folder.iterdir())[:MOST]:
        found = file.lstat()
        own = stat.S_ISREG(found.st_mode) and found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if own and found.st_mode & stat.S_IXOTH and found.st_size <= 4 * LONGEST_HOOK:
            yield file


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text() != text:
        draft = file.with_suffix(".new")
        draft.write_text(text)
        draft.chmod(0o700)
        draft.replace(file)
