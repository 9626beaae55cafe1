"""The manifest as lines of JSON, each with the hash of the one before: the last line's hash is the head of all.

Whoever knows the head knows every line, and every line of an item holds the SHA-256 of its octets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from stockade.errors import Tampered

BEGINNING: Final = "0" * 64
"""What the first line has for the hash of the one before."""
CLOSING: Final = frozenset({"begin", "parcel", "resume", "seal"})
"""Kinds of lines with which a part of the manifest ends; one that ends otherwise was torn."""
Line = Mapping[str, Any]


class Torn(Tampered):
    """A part of the manifest that was not written to its end."""


class Chain:
    """Lines are added, and ``head`` is the hash of the last."""

    def __init__(self, head: str = BEGINNING) -> None:
        self.head = head

    def line(self, kind: str, said: Mapping[str, object]) -> bytes:
        """The next line, with its newline."""
        octets = json.dumps({"before": self.head, "kind": kind, **said}, separators=(",", ":")).encode()
        self.head = sha256(octets).hexdigest()
        return octets + b"\n"

    def read(self, octets: bytes, name: str) -> list[Line]:
        """The lines of a part. Raises Torn when it has no end, and Tampered when a line does not follow."""
        head, found = self.head, list[Line]()
        if not octets.endswith(b"\n"):
            raise Torn(f"{name} is not whole")
        for number, raw in enumerate(octets[:-1].split(b"\n"), 1):
            said = _object(raw)
            if said.get("before") != head or not isinstance(said.get("kind"), str):
                raise Tampered(f"line {number} of {name} does not follow the one before it")
            head = sha256(raw).hexdigest()
            found.append(said)
        if found[-1]["kind"] not in CLOSING:
            raise Torn(f"{name} is not whole")
        self.head = head
        return found


def _object(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
