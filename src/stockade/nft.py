"""The program nft: run within a deadline, and told what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stockade.errors import Unavailable

DEADLINE: Final = 30.0
"""Seconds within which nft has to answer: on a machine that somebody keeps busy it takes long."""


@dataclass(frozen=True, slots=True)
class Nft:
    """How nft is called: ``command`` is the program with what is always given to it. What to do when it is ``missing``,
    when it is ``denied`` what it was asked, and when anything else is wrong.
    """

    command: Sequence[str]
    missing: str
    denied: str
    wrong: str

    def __call__(self, *arguments: str, given: str = "") -> str | None:
        """What nft answers to this; None for a table that is not there. Raises Unavailable."""
        argv = [_program(self.command[0], self.missing), *self.command[1:], *arguments]
        try:
            ran = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except subprocess.TimeoutExpired as error:
            remedy = "Try it by hand: nft list ruleset. The machine may be busy: top."
            raise Unavailable(f"nft does not answer within {DEADLINE:g} s", remedy=remedy) from error
        except OSError as error:
            raise Unavailable(f"nft cannot be run: {error}", remedy="Try it by hand: nft list ruleset.") from error
        if ran.returncode == 0:
            return ran.stdout
        if "list" in arguments and "No such file or directory" in ran.stderr:
            return None
        remedy = self.denied if "not permitted" in ran.stderr else self.wrong
        raise Unavailable(f"nft: {ran.stderr.strip()[:500] or ran.returncode}", remedy=remedy)


def _program(name: str, missing: str) -> str:
    """Where a program is; the PATH of a service often lacks the directories where nft lives."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Unavailable(f"there is no program {name}", remedy=missing)
    return found
