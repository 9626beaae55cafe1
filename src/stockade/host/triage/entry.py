"""All ways in that somebody may have left, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed, Placement
from stockade.host.oddity import Oddity
from stockade.host.triage.origin import News, origin
from stockade.host.triage.passing import libraries, modules, pam
from stockade.host.triage.people import accounts, sudo
from stockade.host.triage.ssh import ssh_keys, sshd
from stockade.host.triage.telling import Told

FIXED: Final = "Some administrators set it so on purpose; whoever left something there does it too."


def odd(host: str, placement: Placement, packages: Packages, is_news: News, now: float) -> Iterator[Oddity]:
    """All ways in that are odd."""
    yield from accounts(host, placement.accounts, now)
    for placed in placement.files:
        if placed.fixed and not placed.link:
            yield Told(host, placed)("medium", "cannot be changed, not even by root (chattr +i)", FIXED)
        if origin(placed, packages).state not in {"unchanged", "off"}:
            yield from _one(host, placed, packages)
    yield from ssh_keys(host, placement, is_news)
    yield from modules(host, placement.of("pam module", "nss module"), packages)


def _one(host: str, placed: Placed, packages: Packages) -> Iterator[Oddity]:
    if placed.kind == "sudoers":
        yield from sudo(host, placed)
    elif placed.kind == "pam":
        yield from pam(host, placed, packages)
    elif placed.kind == "sshd":
        yield from sshd(host, placed, packages)
    elif placed.kind in {"preload", "library path"}:
        yield from libraries(host, placed, packages)
