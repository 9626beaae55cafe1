"""Bans carried further out: to nftables, so that a banned client does not even reach a service.

Opt-in. Everything lives in a table of its own, ``inet stockade``, whose chains come before the filter of others and
drop what is in its sets, established connections too. The sets have timeouts, so that the kernel lifts a ban by
itself.
"""

from stockade.nftables.keeper import Keeper
from stockade.nftables.sets import NftSet, Synced, covers_everything

__all__ = ["Keeper", "NftSet", "Synced", "covers_everything"]
