"""Hooks and settings of Git repositories (githooks(5), git-config(1)), and hooks as GitLab and Gitea keep them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from stockade.host.facts.placed import Placed, matching, taken
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

HOOKS: Final = ("hooks/*", "hooks/*.d/*", "custom_hooks/**")
SECTION: Final = re.compile(r'\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
SETTING: Final = re.compile(r"\s*([A-Za-z][\w-]*)\s*=(.*)")


def read(root: Path, repositories: Iterable[str]) -> tuple[tuple[Placed, ...], tuple[Unseen, ...]]:
    """The hooks of repositories, samples apart, and their settings."""
    tree, unseen = Tree(root), list[Unseen]()
    found = [each for folder in repositories for each in _of(tree, folder, unseen)]
    return tuple(found), tuple(unseen)


def _of(tree: Tree, folder: str, unseen: list[Unseen]) -> Iterator[Placed]:
    try:
        hooks = [path for pattern in HOOKS for path in matching(tree, f"{folder}/{pattern}")]
    except PermissionError as error:
        unseen.append(Unseen(f"hooks of {folder}", str(error.strerror), "look again as root"))
        return
    for path in hooks:
        if not path.endswith(".sample"):
            yield from taken(tree, path, "git hook", unseen)
    for path in matching(tree, f"{folder}/config"):
        yield from taken(tree, path, "git settings", unseen)


def settings(text: str) -> Iterator[tuple[str, str]]:
    """Name and value of each setting: ``core.hookspath``, ``alias.co``; names in lower case."""
    section = ""
    for line in text.splitlines():
        begins = SECTION.match(line)
        if begins is not None:
            section = begins[1].lower() + (f".{begins[2]}" if begins[2] is not None else "")
            continue
        found = SETTING.match(line)
        if found is not None and section:
            yield f"{section}.{found[1].lower()}", found[2].strip().strip('"')
