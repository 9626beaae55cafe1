"""Whom this machine asks for names: the servers of resolv.conf(5), or those behind a resolver on the machine itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.host.restrict.named import Address, Server, address_of, single

PLACES: Final = ("etc/resolv.conf", "run/systemd/resolve/resolv.conf")
"""Where the servers are; the second is what systemd-resolved asks while it answers for itself at 127.0.0.53."""


def nameservers(text: str) -> tuple[Address, ...]:
    """The servers that a resolv.conf names, in its order."""
    found: dict[Address, None] = {}
    for words in (line.split() for line in text.splitlines()):
        with suppress(ValueError):
            if len(words) > 1 and words[0] == "nameserver":
                found[address_of(words[1])] = None
    return tuple(found)


def resolvers(root: Path = Path("/")) -> tuple[Server, ...]:
    """The resolvers elsewhere, each by UDP and by TCP (RFC 7766); none where only one on this machine is known."""
    found: dict[Address, None] = {}
    for place in PLACES:
        with suppress(OSError):
            found |= dict.fromkeys(nameservers((root / place).read_text(errors="replace")))
    return tuple(
        Server(f"DNS {address}", (single(address),), 53, protocol, "resolver")
        for address in found
        if not address.is_loopback
        for protocol in ("udp", "tcp")
    )
