"""What each line of a manifest has to say: whoever hands evidence over may have written it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from stockade.errors import Tampered

Test = Callable[[Any], bool]
_NAME: Final = re.compile(r"(?!/)(?!(?:.*/)?\.\.?(?:/|\Z))[^\0]{1,400}")
_PARCEL: Final = re.compile(r"parcels/\d{1,12}\.tar\.gz")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MOST: Final = 1 << 62


def _number(said: Any) -> bool:
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said < _MOST


def _moment(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and isfinite(said) and 0 <= said < _MOST


def _text(said: Any) -> bool:
    return isinstance(said, str)


def _truth(said: Any) -> bool:
    return isinstance(said, bool)


def _facts(said: Any) -> bool:
    return isinstance(said, dict)


def _digest(said: Any) -> bool:
    return isinstance(said, str) and _DIGEST.fullmatch(said) is not None


def _parcel(said: Any) -> bool:
    return isinstance(said, str) and _PARCEL.fullmatch(said) is not None


def _texts(said: Any) -> bool:
    return isinstance(said, list) and all(map(_text, said))


def _abandoned(said: Any) -> bool:
    return isinstance(said, dict) and all(_NAME.fullmatch(name) and _digest(digest) for name, digest in said.items())


def _open(said: Any) -> bool:
    return isinstance(said, dict) and fits(said, _NAMED)


def _maybe_open(said: Any) -> bool:
    return said is None or _open(said)


def _opens(said: Any) -> bool:
    return isinstance(said, list) and all(map(_open, said))


_NAMED: Final[Mapping[str, Test]] = {"item": _number, "artifact": _text, "what": _text}
SHAPES: Final[Mapping[str, Mapping[str, Test]]] = {
    "begin": {"at": _moment, "host": _text, "boot": _text, "secrets": _truth, "artifacts": _texts},
    "item": {**_NAMED, "at": _moment, "size": _number, "sha256": _digest, "pieces": _number, "facts": _facts},
    "artifact": {"artifact": _text},
    "parcel": {"name": _parcel, "size": _number, "sha256": _digest, "holds": _texts, "open": _maybe_open},
    "resume": {"boot": _text, "abandoned": _abandoned, "again": _opens},
    "seal": {"items": _number, "octets": _number},
}
"""The kinds of lines, and what each of them must say; a name is never one that leads out of the collection."""


def fits(line: Mapping[str, Any], shape: Mapping[str, Test]) -> bool:
    """Whether a line says all that its kind has to."""
    return all(name in line and test(line[name]) for name, test in shape.items())


def checked(line: Mapping[str, Any]) -> None:
    """Raises Tampered for a line that nobody can have written who takes evidence."""
    kind = line["kind"]
    shape = SHAPES.get(kind)
    if shape is None:
        raise Tampered(f"a line is of the kind {kind[:40]!r}, which there is none of")
    for name, test in shape.items():
        if name not in line or not test(line[name]):
            raise Tampered(f"a line of kind {kind} does not say what it must: {name}")
