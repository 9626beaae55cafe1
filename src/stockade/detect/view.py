"""One entry as a rule sees it: by field names, the normalised ones, derived ones and those of the foreign event.

===================  ==============================================================================
``action``           what happened, a word of the vocabulary
``actor``            who did it, ``gitlab:user/alice``; its parts are ``actor.system``, ``actor.kind``, ``actor.id``,
                     and ``actor.name``: the id, or the name where an event has told the name of this number
``target``           to what; its parts as of ``actor``
``account``          the id of the account that the event is about: the target where that is an account, else the actor;
                     its name where an event has told the name of this number
``source``           where it came from; ``source.network`` is its /24 or /64, ``source.country`` needs a GeoIP database
``outcome``          success, failure, refused or unknown
``time``             when it happened
``device``           the program that the client says it is, without version numbers
``system``           which system reports it: that of the target, else that of the actor
``origin``           the log that holds it; empty where there is only one
``details.…``        anything else; a dot goes one object deeper, and a number picks from a list
===================  ==============================================================================

These are the names for rules of ``product: stockade``. How the names of other products are looked up says
:mod:`stockade.detect.foreign`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from stockade.events import Entry, Event, Ref

PEOPLE: Final = frozenset({"user", "bot", "account", "service"})
"""Kinds of references that are accounts."""
SHOWN: Final = 20_000
"""Characters of an entry that keywords are looked for in."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What a field holds that is not there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is thought to be: a country (ISO 3166-1), and degrees of latitude and longitude if known."""

    country: str
    latitude: float | None = None
    longitude: float | None = None


Locate = Callable[[str], Place | None]
"""Answers where an address is, or None where nobody knows."""


def nowhere(_address: str) -> Place | None:
    """The answer of a missing GeoIP database."""
    return None


Names = Mapping[tuple[str, str], str]
"""What the accounts of a system are called that are known by a number elsewhere."""


class View:
    """An entry, and what rules ask of it, worked out once."""

    __slots__ = ("_text", "entry", "event", "locate", "moment", "names")

    def __init__(self, entry: Entry, locate: Locate = nowhere, names: Names | None = None) -> None:
        """``moment`` is when it happened, though never later than it was recorded: clocks of others may be wrong."""
        self.entry, self.event, self.locate, self.names = entry, entry.event, locate, names or {}
        self.moment = min(entry.event.time, entry.recorded)
        self._text: str | None = None

    @property
    def text(self) -> str:
        """All that is said in the event, a line for each value, for keywords."""
        if self._text is None:
            event = self.event
            known = [event.action, event.actor, event.target, event.source, *_values(event.details)]
            self._text = "\n".join(str(value) for value in known if value is not None)[:SHOWN]
        return self._text


Getter = Callable[[View], object]
"""Answers what a field holds in an entry, or MISSING."""


def getter(name: str) -> Getter:
    """How a field of ours is looked up; what is none of ours is looked for in the details."""
    if name in FIELDS:
        return FIELDS[name]
    path = tuple(name.removeprefix("details.").split("."))
    return lambda view: dig(view.event.details, path)


def system_of(event: Event) -> str:
    """The system that an event tells of."""
    ref = event.target or event.actor
    said = event.details.get("system") if ref is None else ref.system
    return said if isinstance(said, str) else ""


def account_of(event: Event) -> Ref | None:
    """The account that an event is about."""
    target = event.target
    return target if target is not None and target.kind in PEOPLE else event.actor


@lru_cache(maxsize=65_536)
def network_of(address: str) -> str:
    """The /24 of an IPv4 address or the /64 of an IPv6 address, or the text itself where it is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:200]
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))


@lru_cache(maxsize=16_384)
def device_of(agent: str) -> str:
    """A user agent without its version numbers, so that an update is no new device."""
    return re.sub(r"[\d._]+", "", agent)[:200]


def _values(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def _present(value: object) -> object:
    return MISSING if value is None else value


def _country(view: View) -> object:
    place = view.locate(view.event.source) if view.event.source else None
    return MISSING if place is None else place.country


def _device(view: View) -> object:
    agent = view.event.details.get("user_agent")
    return device_of(agent) if isinstance(agent, str) and agent else MISSING


def _account(view: View) -> object:
    ref = account_of(view.event)
    if ref is None or ref.kind not in PEOPLE:
        return MISSING
    return view.names.get((ref.system, ref.id), ref.id).casefold()


def _name_of(which: str) -> Getter:
    def get(view: View) -> object:
        ref = getattr(view.event, which)
        return MISSING if ref is None else view.names.get((ref.system, ref.id), ref.id).casefold()

    return get


def _of_ref(which: str, part: str) -> Getter:
    def get(view: View) -> object:
        ref = getattr(view.event, which)
        return MISSING if ref is None else getattr(ref, part)

    return get


FIELDS: Final[Mapping[str, Getter]] = {
    "action": lambda view: view.event.action,
    "actor": lambda view: MISSING if view.event.actor is None else str(view.event.actor),
    "target": lambda view: MISSING if view.event.target is None else str(view.event.target),
    "account": _account,
    "source": lambda view: _present(view.event.source),
    "source.network": lambda view: network_of(view.event.source) if view.event.source else MISSING,
    "source.country": _country,
    "outcome": lambda view: view.event.outcome,
    "time": lambda view: view.moment,
    "device": _device,
    "system": lambda view: system_of(view.event),
    "origin": lambda view: view.entry.origin,
    **{f"{which}.name": _name_of(which) for which in ("actor", "target")},
    **{f"{which}.{part}": _of_ref(which, part) for which in ("actor", "target") for part in ("system", "kind", "id")},
}


def dig(value: object, path: tuple[str, ...]) -> object:
    """What lies at a path: a name with dots, or object in object; in a list by number, or in each of its objects."""
    if isinstance(value, Mapping):
        whole = value.get(".".join(path), MISSING)
        if whole is not MISSING or len(path) == 1:
            return _present(whole) if whole is not MISSING else MISSING
        return dig(value.get(path[0]), path[1:])
    if isinstance(value, (list, tuple)):
        if path[0].isdecimal():
            at = int(path[0][:4])
            return MISSING if at >= len(value) else value[at] if len(path) == 1 else dig(value[at], path[1:])
        found = [inner for each in value[:100] if (inner := dig(each, path)) is not MISSING]
        return found or MISSING
    return MISSING
