"""One line of the table of measurements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, against which bar, and what came out.

    ``bar`` says in words what has to hold (empty for a row that is only there to compare with) and ``measured`` what
    held. ``ratio`` is what it cost as a multiple of what the bar speaks of, both measured in the same run. ``passes``
    is None where nothing is asked. ``notes`` say how it was measured where that is not plain.
    """

    title: str
    bar: str
    measured: str
    ratio: float | None = None
    passes: bool | None = None
    notes: str = ""
