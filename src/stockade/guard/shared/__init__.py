"""The store that all processes of one machine share: counters in a file mapped into memory, bans in words beside it."""

from stockade.guard.shared.store import SharedStore

__all__ = ["SharedStore"]
