"""How far a long reading is, on standard error, where somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stockade.cli import screen


@contextmanager
def reading() -> Iterator[Callable[[int], None]]:
    """Tell it how many entries were read; it says so, and is gone when all are."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield lambda _entries: None
        return
    with out.status("reading the log") as status:
        yield lambda entries: status.update(f"reading the log: {entries:,} entries")
