"""What is out of date on this machine: looked at, planned, and told in a triage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stockade.app.host import releases
from stockade.app.host.installed import installed, reboot_asked_for, settings_of, system_of
from stockade.app.host.pictures import about
from stockade.app.stockade import Stockade
from stockade.events import Event
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen
from stockade.host.triage.looking import Look, Told
from stockade.host.triage.seen import Facts
from stockade.host.updates.behind import Behind, Judged
from stockade.host.updates.catalogue import Source
from stockade.host.updates.documents import day_of
from stockade.host.updates.judging import judged
from stockade.host.updates.oddities import oddities
from stockade.host.updates.planning import Step, planned
from stockade.host.updates.restarting import Restart, reboot, restarts

TOLD: Final = 200
"""Things that an event names one by one."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look has found: what is out of date, what must start anew, and where release data is from."""

    host: str
    judged: Judged
    restarts: tuple[Restart, ...]
    sources: tuple[Source, ...]


def look(asked: Stockade, facts: Facts) -> Looked:
    """What is out of date on a machine. Raises Tampered when release data is not as it was kept."""
    known = releases.kept(asked.settings)
    have, unseen = installed(asked.settings, facts)
    found = judged(have, known, asked.clock(), stale=settings_of(asked.settings).stale)
    unseen = (*unseen, *facts.unseen())
    again = list(restarts(facts.ours, facts.packages.owner))
    if machine := reboot(facts.packages.installed, have.running, asked=reboot_asked_for(facts.machine.root)):
        again.append(machine)
    return Looked(facts.machine.name, replace(found, unseen=(*found.unseen, *unseen)), tuple(again), known.sources)


def refresh(asked: Stockade, origins: tuple[str, ...]) -> list[Source]:
    """Read release data anew, from where is told or the configuration says. Raises ConfigurationError, Unavailable."""
    origins = origins or settings_of(asked.settings).sources
    return releases.refresh(asked.settings, origins, system_of(Tree(Path("/"))).codename, asked.clock())


def plan(asked: Stockade, facts: Facts) -> tuple[Looked, tuple[Step, ...]]:
    """How the machine is brought up to date, on record as ``update.plan``."""
    found = look(asked, facts)
    steps = planned(found.judged, found.restarts, day_of(asked.clock()))
    details = {
        "behind": [as_details(each) for each in found.judged.behind[:TOLD]],
        "steps": [{"by": str(each.by), "what": each.what, "command": each.command} for each in steps],
        "unseen": [f"{each.what}: {each.why}" for each in found.judged.unseen],
        "sources": [{"name": each.name, "dated": each.dated, "sha256": each.digest} for each in found.sources],
    }
    with asked.recording() as record:
        record.insist(Event(asked.clock(), "update.plan", asked.actor, about(found.host), details=details))
    return found, steps


def as_details(found: Behind) -> dict[str, object]:
    """What is out of date, as an event has it."""
    cves = [each.cve for each in found.exploited]
    return {"name": found.name, "why": str(found.why), "installed": found.installed, "mends": found.mends,
            "exploited": cves}  # fmt: skip


def looks(asked: Stockade, facts: Facts) -> dict[str, Look]:
    """What a triage asks beside its own: software that is out of date or exploited."""
    return {"updates": lambda: _triaged(asked, facts)}


def _triaged(asked: Stockade, facts: Facts) -> Iterator[Told]:
    if not releases.kept(asked.settings).sources:
        why, remedy = "no release data was given", "stockade updates refresh --from FILE"
        yield Unseen("software that is out of date or exploited", why, remedy)
    elif not facts.machine.thorough:
        yield Unseen("software that is out of date or exploited", "it takes some seconds", "Leave --quick out.")
    else:
        found = look(asked, facts).judged
        yield from oddities(facts.machine.name, found)
        yield from found.unseen
