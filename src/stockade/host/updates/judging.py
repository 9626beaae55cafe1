"""What is out of date on a machine, the worst first, and what cannot be told for want of somebody's word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from stockade.host.oddity import Unseen
from stockade.host.updates.behind import ORDER, Behind, Installed, Judged, Why
from stockade.host.updates.catalogue import Catalogue
from stockade.host.updates.distributed import distributed
from stockade.host.updates.documents import day_of
from stockade.host.updates.upstream import system, upstream

TRACKER: Final = "https://security-tracker.debian.org/tracker/data/json"
KEV: Final = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
DAY: Final = 86_400.0


def judged(installed: Installed, known: Catalogue, now: float, *, stale: float = 14 * DAY) -> Judged:
    """What is out of date now (seconds since the epoch, UTC); data older than ``stale`` seconds is said to be."""
    today = day_of(now)
    told = [*_all(installed, known, today)]
    behind = [_with_attacks(each, known) for each in told if isinstance(each, Behind)]
    behind.sort(key=lambda each: (ORDER[each.why], each.reachable is False, each.kind, each.name))
    unseen = [each for each in told if isinstance(each, Unseen)]
    return Judged(tuple(behind), (*unseen, *_wanting(installed, known), *_stale(known, now, stale)))


def _all(installed: Installed, known: Catalogue, today: date) -> Iterator[Behind | Unseen]:
    apart = {each.package for each in installed.applications if each.product in known.products}
    yield from system(installed.system, known, today)
    for application in installed.applications:
        yield from upstream(application, known, today)
    yield from distributed(installed, known, frozenset(apart))


def _with_attacks(found: Behind, known: Catalogue) -> Behind:
    """A distribution names vulnerabilities; what is known of attacks on them is added."""
    if found.why is not Why.EXPLOITED or found.exploited:
        return found
    return replace(found, exploited=tuple(each for each in known.exploited or () if each.cve in found.cves))


def _wanting(installed: Installed, known: Catalogue) -> Iterator[Unseen]:
    """What nobody has said."""
    if known.exploited is None:
        yield Unseen("what intruders use", "CISA's catalogue was not given", f"stockade updates refresh --from {KEV}")
    if not installed.packages:
        return
    if installed.system.id != "debian":
        yield Unseen("which packages intruders attack", "no distribution but Debian is asked what it has mended")
    elif known.mended is None or known.release != installed.system.codename:
        yield Unseen(
            "which packages intruders attack", "Debian's word on what it has mended was not given",
            f"stockade updates refresh --from {TRACKER}",
        )  # fmt: skip


def _stale(known: Catalogue, now: float, longest: float) -> Iterator[Unseen]:
    for source in known.old(now, longest):
        days = round((now - source.dated) / DAY)
        yield Unseen(f"what came since {day_of(source.dated)}", f"{source.name} is {days} days old",
                     "stockade updates refresh")  # fmt: skip
