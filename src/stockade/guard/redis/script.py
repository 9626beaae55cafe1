"""The scripts that Redis runs, and how it is told to run the one that counts."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import Final


def source(name: str) -> str:
    """The text of a script that lies beside this file."""
    return (files(__package__) / f"{name}.lua").read_text("utf-8")


LISTING: Final = source("listing")
COUNT: Final = LISTING + source("arithmetic") + source("meter")
BAN: Final = source("ban")
FORGET: Final = source("forget")
ENLIST: Final = LISTING + source("enlist")

SHEBANG: Final = "#!lua\n"
"""What makes Redis 7 refuse a script that touches a key it did not declare; older servers cannot read it."""


class Script:
    """The counting script in the dialect of the servers met so far."""

    __slots__ = ("call", "text")

    def __init__(self) -> None:
        self._speak(SHEBANG + COUNT)

    def fall_back(self) -> None:
        """Speak so that Redis 6.2 understands: servers of both kinds do."""
        self._speak(COUNT)

    def _speak(self, text: str) -> None:
        digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.text = text
        self.call = b"$7\r\nEVALSHA\r\n$40\r\n%b\r\n" % digest.encode()
