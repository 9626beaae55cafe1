"""Which of two versions is the later one: as dpkg says of a distribution's, and by their numbers of a project's own."""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest
from typing import Final

PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)")
MOST: Final = 200
"""Letters of a version that are read."""


def compared(one: str, other: str) -> int:
    """Below 0 where ``one`` is the earlier, above 0 where it is the later, 0 where they are equal (deb-version(7))."""
    left, right = _parts(one), _parts(other)
    if left[0] != right[0]:
        return left[0] - right[0]
    return _half(left[1], right[1]) or _half(left[2], right[2])


in_order = cmp_to_key(compared)
"""A key to sort versions of packages by."""


def _parts(version: str) -> tuple[int, str, str]:
    """Epoch, upstream version and Debian revision; a revision that is absent is ``0`` in effect."""
    epoch, colon, rest = version.strip()[:MOST].partition(":")
    if not (colon and epoch.isascii() and epoch.isdecimal()):
        epoch, rest = "0", version.strip()[:MOST]
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if dash else (int(epoch), rest, "")


def _half(one: str, other: str) -> int:
    """Turn and turn about: what is no number letter by letter, then the number."""
    for (left, a), (right, b) in zip_longest(PARTS.findall(one), PARTS.findall(other), fillvalue=("", "")):
        if by_letters := _letters(left, right):
            return by_letters
        if by_number := int(a or 0) - int(b or 0):
            return by_number
    return 0


def _letters(one: str, other: str) -> int:
    """A tilde before the end, the end before letters, letters before all else."""
    for a, b in zip_longest(one, other, fillvalue=""):
        if a != b:
            return _weight(a) - _weight(b)
    return 0


def _weight(letter: str) -> int:
    if not letter:
        return 0
    if letter == "~":
        return -1
    return ord(letter) if letter.isascii() and letter.isalpha() else ord(letter) + 256


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a project's own version: ``17.1.2-ce.0`` and ``v17.1.2`` are ``(17, 1, 2)``; empty without any."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version.strip()[:MOST])
    return tuple(int(each) for each in found[1].split(".")) if found else ()


def unfinished(version: str) -> bool:
    """Whether it is a release on trial: ``18.0.0-rc1``, ``2.0b3``."""
    return re.search(r"\d[.~-]?(?:rc|alpha|beta|pre|dev|[ab]\d)", version.lower()[:MOST]) is not None


def said_in(text: str) -> str:
    """The first version that a program or a file says: ``nginx version: nginx/1.22.1`` is ``1.22.1``; else empty."""
    found = re.search(r"(?<![\w.])v?(\d+(?:\.\d+)+)", text.replace("/", " "))
    return found[1] if found else ""
