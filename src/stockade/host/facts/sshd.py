"""Settings of sshd, and the keys that open an account: sshd_config(5), and AUTHORIZED_KEYS FILE FORMAT of sshd(8)."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

KEY: Final = re.compile(
    r"(?:^|(?<=\s))((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+|sk-[\w@.-]+)\s+([A-Za-z0-9+/]{16,}={0,3})(?:\s+(.*))?$"
)
OPTION: Final = re.compile(r'([A-Za-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?,?')


class Directive(NamedTuple):
    """A line of sshd_config: the word in lower case, what stands behind it, and the Match block it is in."""

    word: str
    value: str
    match: str = ""


class Key(NamedTuple):
    """A line of authorized_keys. ``options`` are in lower case; ``fingerprint`` is as ssh-keygen prints it."""

    number: int
    options: tuple[tuple[str, str], ...]
    kind: str
    fingerprint: str
    comment: str

    def option(self, name: str) -> str | None:
        """What an option is set to; empty for one that is only named, None where it is not there."""
        return next((value for said, value in self.options if said == name), None)


def directives(text: str) -> Iterator[Directive]:
    """The lines that set something."""
    match = ""
    for line in text.splitlines():
        word, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if not word or word.startswith("#"):
            continue
        if word.lower() == "match":
            match = value.strip()
        yield Directive(word.lower(), value.strip().strip('"'), match)


def key_files(texts: Iterable[str]) -> list[str]:
    """Where sshd is told to look for keys, with its ``%h`` and ``%u``."""
    said = [one.value for text in texts for one in directives(text) if one.word == "authorizedkeysfile"]
    return [path for value in said for path in value.split() if path != "none"]


def keys(text: str) -> Iterator[Key]:
    """The keys of a file, with the numbers of their lines; a line that holds none is left out."""
    for number, line in enumerate(text.splitlines(), 1):
        found = None if line.lstrip().startswith("#") else KEY.search(line)
        if found is not None:
            options = tuple((name.lower(), value or "") for name, value in OPTION.findall(line[: found.start()]))
            yield Key(number, options, found[1], fingerprint(found[2]), (found[3] or "").strip())


def fingerprint(encoded: str) -> str:
    """SHA-256 of a public key, in Base64 without padding."""
    try:
        octets = b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return "unreadable"
    return "SHA256:" + b64encode(hashlib.sha256(octets).digest()).decode().rstrip("=")
