"""Plants one trace after another; what this machine cannot have is left out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence

from stockade.host.drill.plants import Plant, Stage


def planted(plants: Sequence[Plant], stage: Stage) -> Iterator[tuple[Plant, str]]:
    """Each plant that could be left, with its mark."""
    for each in plants:
        try:
            yield each, each.plant(stage)
        except (OSError, StopIteration, subprocess.SubprocessError):
            continue
