"""The environment that Git serves in, whoever let the client in: its configuration given by variables."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

SETTINGS: Final = {"safe.directory": "*", "http.receivepack": "true"}
"""Whose the repositories are is the operator's business; who may push has been decided before."""
OWN_HOOKS: Final = "hooks"
"""Where a repository's hooks are, which its operator has put there."""


def surroundings(root: Path) -> dict[str, str]:
    """Where Git finds its programs and no configuration but ours."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        **settings(OWN_HOOKS),
    }


@cache
def settings(hooks: str) -> dict[str, str]:
    """Git's configuration by variables, which count as the command line's; ``hooks`` is the folder of its hooks."""
    numbered = enumerate((SETTINGS | {"core.hooksPath": hooks}).items())
    pairs = {
        f"GIT_CONFIG_{part}_{n}": text
        for n, item in numbered
        for part, text in zip(("KEY", "VALUE"), item, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(SETTINGS) + 1), **pairs}
