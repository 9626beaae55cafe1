"""What is out of date, as a look at a machine tells it: loud only where intruders are known to come in by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity
from stockade.host.updates.behind import Behind, Judged, Why

FEW: Final = 5
ELSE: Final = "The distribution mends without new version numbers; only its own word was taken."


def oddities(host: str, found: Judged) -> Iterator[Oddity]:
    """One for each thing that is exploited, and a note for all that is merely behind."""
    for each in found.of(Why.EXPLOITED):
        yield attacked(host, each)
    if others := [each for each in found.behind if each.why is not Why.EXPLOITED]:
        yield _others(host, others)


def attacked(host: str, found: Behind) -> Oddity:
    """Something that intruders are known to come in by: high where others can reach it."""
    cves = ", ".join(each.cve for each in found.exploited)
    severity: Severity = "high" if found.reachable else "medium"
    remedy = f"{found.mends} mends it" if found.mends else "no release mends it yet"
    return Oddity(
        "exploited-software", severity, f"{found.name} {found.installed} can be attacked by {cves}: {remedy}",
        Ref(host, "package", found.name),
        "Intruders are known to use this, and tools that try it on everybody are at hand.",
        "stockade updates plan", _doubt(found), ("T1190",) if found.reachable else ("T1068",),
        {"installed": found.installed, "mends": found.mends, "cves": list(found.cves), "reachable": found.reachable},
    )  # fmt: skip


def released(host: str, found: Behind) -> Oddity:
    """A security release that has come for something here: low, as no attack on it is known."""
    title = f"{found.name} {found.installed} has a security release: {found.mends or 'none yet'}"
    why = f"{found.says[:1].upper()}{found.says[1:]}."
    return Oddity(
        "outdated-software", "low", title, Ref(host, "package", found.name), why,
        "stockade updates plan", f"{found.doubt}." if found.doubt else ELSE, ("T1190",), {"mends": found.mends},
    )  # fmt: skip


def _doubt(found: Behind) -> str:
    if found.doubt:
        return f"{found.doubt}."
    return ELSE if found.reachable else f"Nothing of it listens, as far as can be told. {ELSE}"


def _others(host: str, those: Sequence[Behind]) -> Oddity:
    counts = {why: sum(each.why is why for each in those) for why in Why}
    said = ", ".join(f"{count} for {why}" if why is not Why.OLD else f"{count} merely {why}"
                     for why, count in counts.items() if count)  # fmt: skip
    names = ", ".join(each.name for each in those[:FEW]) + (" …" if len(those) > FEW else "")
    return Oddity(
        "outdated-software", "informational", f"{len(those)} out of date ({said}): {names}",
        Ref(host, "package", those[0].name), "What is out of date is what intruders look for first.",
        "stockade updates", "No attack on any of it is known here.", ("T1190",),
        {"outdated": [f"{each.name} {each.installed} → {each.mends or '?'}" for each in those[:100]]},
    )  # fmt: skip
