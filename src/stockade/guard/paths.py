"""One spelling for a path, so that a variant of it cannot slip past a rule (RFC 3986, section 6.2.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

_CLEAN = re.compile(r"(?:/(?!\.)[^/%;\\\x00-\x1f]+)*/?\Z")


@lru_cache(maxsize=16384)
def from_target(target: str) -> str:
    """The normal path of a request target as it stood on the wire (RFC 9112, section 3.2), its query left off."""
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return normal(unquote(path, errors="replace"))


@lru_cache(maxsize=16384)
def normal(path: str) -> str:
    """A decoded path with its dots resolved, its slashes squeezed, and parameters and the last slash taken off."""
    if _CLEAN.match(path):
        return path.rstrip("/") or "/"
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        name = segment.partition(";")[0].strip("\x00")
        if name == "..":
            segments[-1:] = []
        elif name not in {"", "."}:
            segments.append(name)
    return "/" + "/".join(segments)
