"""Bans carried into the kernel's packet filter, where the configuration wants that."""

from __future__ import annotations

import logging

from stockade.config import Settings
from stockade.events import Event
from stockade.guard.gate import Guard
from stockade.guard.journal import Record
from stockade.nftables import Keeper, NftSet

_log = logging.getLogger("stockade.firewall")


def keeper_of(settings: Settings, guard: Guard, record: Record) -> Keeper | None:
    """Who keeps the sets as the store has the bans, and from now on hears of the guard's; None where that is off.

    Raises Unavailable when the sets cannot be made.
    """
    if not settings.nftables.enabled:
        return None
    keeper = Keeper(_sets(guard), guard, say=_log.warning)

    def both(event: Event) -> None:
        record(event)
        keeper.record(event)

    guard.journal.record = both
    return keeper


def follow(keeper: Keeper | None, guard: Guard) -> None:
    """Heed what a changed configuration says of proxies, operators and rules."""
    if keeper is not None:
        keeper.sets = _sets(guard)


def _sets(guard: Guard) -> NftSet:
    sets = NftSet.of(guard)
    sets.prepare()
    return sets
