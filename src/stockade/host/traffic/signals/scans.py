"""Scans: many ports of one machine, one port of many machines, or many paths of a site, nearly all in vain."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Tried
from stockade.host.traffic.signals.saying import length, many, oddity, over_time

LEAST: Final = 15
"""Ports or destinations that were tried in vain."""
VAIN: Final = 0.6
"""The share of all that was tried that must have been in vain."""
SLOW: Final = 60.0
"""Seconds between two tries on average from which a scan is slow: meant to be overlooked."""
NAMED: Final = 5
"""Scans from outside that are told one by one; they never end, so the others are counted."""
ALL_DAY: Final = "Everything that can be reached from outside is scanned all day."

WHY: Final = {
    "ports": "Whoever has got in looks where to go next: which ports of a machine are open.",
    "destinations": "Whoever has got in looks where to go next: which machines answer at a port.",
    "paths": "A list of paths is gone through for what was forgotten there: copies, consoles, settings.",
}


def scans(candidates: Iterable[Tried]) -> Iterator[Oddity]:
    """Those who tried many in vain; of those from outside, the ones that tried most, and how many more there were."""
    from_outside, more = 0, 0
    for tried in candidates:
        if tried.vain < LEAST or tried.vain < VAIN * tried.number:
            continue
        from_outside += tried.way == "in"
        if tried.way == "in" and from_outside > NAMED:
            more += 1
        else:
            yield _told(tried)
    if more:
        yield _others(more)


def _severity(tried: Tried) -> Severity:
    if tried.what == "paths":
        return "informational" if tried.way == "in" else "medium"
    return "informational" if tried.way == "in" else "high"


def _title(tried: Tried) -> str:
    pace = (tried.last - tried.first) / max(1, tried.number - 1)
    slowly = (
        f", slowly: one every {length(pace)}"
        if pace >= SLOW
        else f" within {length(max(1.0, tried.last - tried.first))}"
    )
    vain = "all" if tried.vain == tried.number else f"{tried.vain:,}"
    if tried.what == "ports":
        return f"{tried.source} tried {many(tried.number, 'port')} of {tried.where}, {vain} in vain{slowly}"
    if tried.what == "destinations":
        return f"{tried.source} tried {many(tried.number, 'machine')} at {tried.where}, {vain} in vain{slowly}"
    return f"{tried.source} asked {tried.where} for {many(tried.number, 'path')}, {vain} in vain{slowly}"


def _told(tried: Tried) -> Oddity:
    harmless = "Inventories and scanners of your own do the same; so does a client whose server is away."
    if tried.way == "in":
        harmless = f"{ALL_DAY} It matters when something answered that should not have."
    techniques = {"ports": ("T1046",), "destinations": ("T1046",), "paths": ("T1595.003",)}[tried.what]
    about = shlex.quote(tried.source)
    return oddity(
        "scan", _severity(tried), _title(tried), Ref("network", "scan", f"{tried.source}>{tried.where}"),
        why=WHY[tried.what], look=f"what answered it: stockade traffic review FILE… --about {about}",
        harmless=harmless,
        techniques=("T1595.001",) if tried.way == "in" and tried.what != "paths" else techniques,
        plot=over_time(tried.times, tried.first, tried.last, "tries"), facts=_facts(tried),
    )  # fmt: skip


def _facts(tried: Tried) -> dict[str, object]:
    names = ("source", "what", "where", "number", "vain", "first", "last", "way")
    return {name: getattr(tried, name) for name in names}


def _others(more: int) -> Oddity:
    return oddity(
        "scan", "informational", f"{many(more, 'more scan')} came from outside", Ref("network", "scan", "outside"),
        why=WHY["destinations"], look="stockade traffic review FILE… --json --all",
        harmless=ALL_DAY, techniques=("T1595.001",), facts={"number": more},
    )  # fmt: skip
