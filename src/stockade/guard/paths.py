"""One spelling for a path, so that a variant of it cannot slip past a rule (RFC 3986, section 6.2.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

_CLEAN = re.compile(r"(?:/(?!\.)[^/%;\\\x00-\x1f]+)*/?\Z")


REMEMBERED: Final = 512
"""Characters of the longest path that is kept: what clients make up must not fill the memory."""


def from_target(target: str) -> str:
    """The normal path of a request target as it stood on the wire (RFC 9112, section 3.2), its query left off."""
    return _kept_target(target) if len(target) <= REMEMBERED else _from_target(target)


def _from_target(target: str) -> str:
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return normal(unquote(path, errors="replace"))


def normal(path: str) -> str:
    """A decoded path with its dots resolved, its slashes squeezed, and parameters and the last slash taken off."""
    return _kept(path) if len(path) <= REMEMBERED else _normal(path)


def _normal(path: str) -> str:
    if _CLEAN.match(path):
        return path.rstrip("/") or "/"
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        name = _name(segment)
        if name == "..":
            segments[-1:] = []
        elif name not in {"", "."}:
            segments.append(name)
    return "/" + "/".join(segments)


def _name(segment: str) -> str:
    """A segment without its parameters (RFC 3986, section 3.3)."""
    return segment.partition(";")[0].strip("\x00")


def climbs(path: str) -> bool:
    """Does a decoded path go up again (``..``)? Some servers resolve that and others do not: where a rule reads
    ``/b``, an application below ``/a`` may serve ``/a/../b``. So it is handed the path that was judged.
    """
    return ".." in path and any(_name(segment) == ".." for segment in path.replace("\\", "/").split("/"))


def below(path: str, mount: str) -> str | None:
    """What is left of a normal path below where an application is mounted; None when it leads out of there."""
    mount = mount.rstrip("/")
    return path[len(mount) :] if path == mount or path.startswith(f"{mount}/") else None


_kept, _kept_target = lru_cache(maxsize=16384)(_normal), lru_cache(maxsize=16384)(_from_target)
