"""What was never seen before: destinations, ports by which own machines go out, and ports at which they answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import New
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.signals.saying import clock, facts_of, holder, length, many, named, oddity

ORDINARY: Final = frozenset({"80/tcp", "443/tcp", "443/udp", "53/udp", "53/tcp", "123/udp", "22/tcp"})
"""Ports by which nearly everybody goes out."""
OFTEN: Final = 100
"""Connections by a new and odd port from which it is more than a note, however short the normal is."""


def newness(candidates: Iterable[New], normal: Normal) -> Iterator[Oddity]:
    """What the normal does not hold. Where it covers less than a day, or was taken from the records themselves, nearly
    all of it is a note, as much is new then; so are new destinations of who had new ones before. Notes go together.
    """
    wandering, served = list[New](), list[New]()
    for new in candidates:
        if new.what == "port":
            yield _port(new, normal)
        elif new.what == "served":
            served.append(new)
        elif normal.firm and normal.steady(new.source):
            yield _destination(new, normal)
        else:
            wandering.append(new)
    if wandering:
        yield _destinations(wandering, normal)
    if normal.firm:
        yield from (_served(new, normal) for new in served)
    elif served:
        yield _several(served, normal)


def _when(normal: Normal) -> str:
    covers = f"{clock(normal.since)} to {clock(normal.until)} ({length(max(0.0, normal.until - normal.since))})"
    if not normal.learned:
        return f"The normal is only the first half of these records, {covers}: much is new after so little."
    return f"The normal is of {covers}" + ("." if normal.firm else ": much is new after so little.")


def _examples(news: Sequence[New]) -> str:
    """A few of them by name."""
    names = list(dict.fromkeys(named(call) for new in news for call in new.examples))
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _facts(new: New) -> list[dict[str, object]]:
    return [facts_of(each) for each in new.examples]


BROUGHT: Final = "Orders are fetched, and loot is brought, where nobody went before."


def _destination(new: New, normal: Normal) -> Oddity:
    return oddity(
        "new-destination", "low",
        f"{new.source} called {many(new.number, 'destination')} outside that nobody called before: {_examples([new])}",
        Ref("network", "host", new.source), why=BROUGHT, look=holder(new.examples[0]),
        harmless=f"Updates bring new destinations, too; but before, it kept to those it had. {_when(normal)}",
        techniques=("T1071.001",), facts={"number": new.number, "examples": _facts(new)},
    )  # fmt: skip


def _destinations(news: Sequence[New], normal: Normal) -> Oddity:
    sources = [new.source for new in news[:100]]
    number, first = sum(new.number for new in news), news[0]
    who = first.source if len(news) == 1 else many(len(news), "machine")
    return oddity(
        "new-destination", "informational",
        f"{who} called {many(number, 'destination')} outside that nobody called before: {_examples(news)}",
        Ref("network", "host", first.source if len(news) == 1 else "several"), why=BROUGHT,
        look=holder(first.examples[0]),
        harmless=f"Updates, content networks and people bring new destinations all the time. {_when(normal)}",
        techniques=("T1071.001",), facts={"number": number, "examples": _facts(first), "sources": sources},
    )  # fmt: skip


def _port(new: New, normal: Normal) -> Oddity:
    odd, times = new.where not in ORDINARY, sum(each.count for each in new.examples)
    who = new.examples[0].source if new.number == 1 else many(new.number, "machine")
    severity: Severity = "medium" if odd and normal.firm else "low" if odd and times >= OFTEN else "informational"
    return oddity(
        "new-port-out", severity,
        f"{who} went out by {new.where}, {many(times, 'time')}, which nobody did before: "
        f"{_examples([new])}",
        Ref("network", "port", new.where), why="Tools of intruders often call out by ports that nothing here uses.",
        look=holder(new.examples[0]), harmless=f"A new application does the same. {_when(normal)}",
        techniques=("T1571",), facts={"number": new.number, "examples": _facts(new)},
    )  # fmt: skip


LISTENS: Final = "A way in that was opened listens at a port that nobody knows."


def _served(new: New, normal: Normal) -> Oddity:
    outside = any(each.way == "in" for each in new.examples)
    from_ = ", from outside too" if outside else ""
    return oddity(
        "new-service", "medium" if outside else "low",
        f"{new.where} answered {many(new.number, 'machine')}{from_}, and never did before",
        Ref("network", "service", new.where), why=LISTENS, look=f"on that machine: ss -lntup  ({new.where})",
        harmless=f"A new service does the same, and so do ports that a system hands out as it goes. {_when(normal)}",
        techniques=("T1571", "T1133"), facts={"number": new.number, "examples": _facts(new)},
    )  # fmt: skip


def _several(served: Sequence[New], normal: Normal) -> Oddity:
    names = ", ".join(new.where for new in served[:4]) + (" …" if len(served) > 4 else "")
    return oddity(
        "new-service", "informational", f"{many(len(served), 'service')} answered that did not before: {names}",
        Ref("network", "service", "several"), why=LISTENS, look="on that machine: ss -lntup", harmless=_when(normal),
        techniques=("T1571", "T1133"), facts={"number": len(served), "examples": [new.where for new in served[:20]]},
    )  # fmt: skip
