"""How a machine is looked at: one look after another; one that trips or hangs is told, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from stockade.host.oddity import Unseen
from stockade.host.patience import Late, patiently
from stockade.host.triage.looking import Look, Progress, Told

PATIENCE: Final = 300.0
"""Seconds without a word after which a look is given up. What may hang is given up by itself, and sooner; the longest
silence of an emulated machine that was busy with other things was more than a minute.
"""


def looked(looks: Mapping[str, Look]) -> Iterator[Told]:
    """Run looks in their order. One that trips over what it meets is told as not seen, and the others go on."""
    for at, (what, look) in enumerate(looks.items()):
        yield Progress(what, look=at, looks=len(looks))
        try:
            for told in patiently(look(), PATIENCE):
                yield replace(told, look=at, looks=len(looks)) if isinstance(told, Progress) else told
        except Late:
            why = f"no word in {PATIENCE:.0f} s: a very busy machine, or a file system of somebody's own that hangs"
            yield Unseen(what, why, "grep -E 'fuse|nfs|cifs' /proc/self/mounts; look at what is mounted there")
        except Exception as error:  # noqa: BLE001  an intruder who trips up one look must not blind the others
            yield Unseen(what, f"the look ended early: {type(error).__name__}: {error}", "Report this as a mistake.")
