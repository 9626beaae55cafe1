"""What has become of the secrets that were found before: still the same, replaced, or gone; and what is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

from stockade.events import Entry, Event, Ref
from stockade.host.secrets.found import LIVE, Found, Grade, Place, Where

SCANNED, FOUND, ROTATED = "secret.scan", "secret.found", "secret.rotated"


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as the log tells of it. ``replaced`` is when another stood in its places, ``gone`` since when it was in
    none; either is None while it is still there.
    """

    secret: Found
    first: float
    last: float
    replaced: float | None = None
    gone: float | None = None

    @property
    def live(self) -> bool:
        """Whether it can be read somewhere that changes: not only in a history."""
        return any(place.where in LIVE for place in self.secret.places)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a scan has looked at, so that what was not found there is gone: whether a place was among it."""

    at: Callable[[Place], bool]
    unseen: frozenset[str] = field(default=frozenset())

    def covers(self, place: Place) -> bool:
        """Whether a secret at this place would have been found. A history keeps all that it ever had."""
        return place.where is not Where.HISTORY and place.path not in self.unseen and self.at(place)


def kept(entries: Iterable[Entry], machine: str) -> dict[str, Kept]:
    """The secrets of a machine, by fingerprint, as the log tells of them."""
    known: dict[str, Kept] = {}
    for entry in entries:
        event = entry.event
        if event.target is None or event.target.system != machine or event.target.kind != "secret":
            continue
        fingerprint = str(event.details.get("fingerprint", ""))
        if event.action == FOUND:
            secret = _read(event.details)
            before = known.get(fingerprint)
            known[fingerprint] = Kept(secret, event.time if before is None else before.first, event.time)
        elif event.action == ROTATED and fingerprint in known:
            was = known[fingerprint]
            places = tuple(place for place in was.secret.places if place.where is Where.HISTORY)
            ended = {"replaced": event.time} if event.outcome == "success" else {"gone": event.time}
            known[fingerprint] = replace(was, secret=replace(was.secret, places=places or was.secret.places), **ended)
    return known


def compared(
    before: Mapping[str, Kept], now: Mapping[str, Found], looked: Looked, *, machine: str, time: float, by: Ref | None
) -> Iterator[Event]:
    """The events of a scan: what is new or lies elsewhere than before, and what is no longer where it was."""
    for fingerprint, found in now.items():
        was = before.get(fingerprint)
        if found.grade is Grade.NOTE:
            continue
        places = bounded(_places(was, found, looked))
        if (
            was is None
            or was.replaced
            or was.gone
            or set(places) != set(was.secret.places)
            or found.refs != was.secret.refs
        ):
            yield _found(replace(found, places=places), machine, time, by)
    for fingerprint, was in before.items():
        if fingerprint not in now and not was.replaced and not was.gone and was.live:
            yield from _missing(was, now, looked, machine=machine, time=time, by=by)


def _places(was: Kept | None, found: Found, looked: Looked) -> tuple[Place, ...]:
    """Where it lies now: where it was seen, and where it was before and nobody has looked."""
    if was is None or was.replaced or was.gone:
        return found.places
    return (
        *found.places,
        *(each for each in was.secret.places if each not in found.places and not looked.covers(each)),
    )


def _missing(
    was: Kept, now: Mapping[str, Found], looked: Looked, *, machine: str, time: float, by: Ref | None
) -> Iterator[Event]:
    left = tuple(place for place in was.secret.places if not looked.covers(place))
    if any(place.where in LIVE for place in left):
        if set(left) != set(was.secret.places):
            yield _found(replace(was.secret, places=left), machine, time, by)
        return
    others = [
        each
        for each in now.values()
        if each.grade is not Grade.NOTE and any(place in was.secret.places for place in each.places)
    ]
    details = _details(was.secret) | {"how": "replaced" if others else "gone", "by": [each.id for each in others[:8]]}
    target = Ref(machine, "secret", was.secret.id)
    yield Event(time, ROTATED, by, target, None, "success" if others else "unknown", details)


def _found(found: Found, machine: str, time: float, by: Ref | None) -> Event:
    return Event(time, FOUND, by, Ref(machine, "secret", found.id), None, "success", _details(found))


MOST, MOST_CHARACTERS = 200, 30_000
"""Places of one secret that are kept, and characters of them: what is longer does not fit into an entry of the log."""


def bounded(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """As many places as an entry has room for, always the same ones of the same."""
    sizes = accumulate(len(json.dumps([place.path, place.name, place.at, place.owner])) for place in places[:MOST])
    fit = sum(size <= MOST_CHARACTERS for size in sizes)
    return places[: max(1, fit)]


def _details(found: Found) -> dict[str, object]:
    return {
        "fingerprint": found.fingerprint,
        "kind": found.kind,
        "length": found.length,
        "grade": found.grade.value,
        "why": found.why,
        "refs": [str(ref) for ref in found.refs],
        "places": [
            [place.where.value, place.path, place.name, place.at, place.owner] for place in bounded(found.places)
        ],
        "of": len(found.places),
    }


def _read(details: Mapping[str, object]) -> Found:
    """The secret that an event tells of; what is not as it was written is left out."""
    places, refs = details.get("places"), details.get("refs")
    return Found(
        str(details.get("fingerprint", "")),
        str(details.get("kind", "")),
        length if isinstance(length := details.get("length"), int) else 0,
        Grade(str(details.get("grade", Grade.PERHAPS))),
        tuple(_place(each) for each in places if len(each) == 5) if isinstance(places, list) else (),
        str(details.get("why", "")),
        tuple(Ref.parse(str(each)) for each in refs) if isinstance(refs, list) else (),
    )


def _place(said: list[str]) -> Place:
    where, path, name, at, owner = said
    return Place(Where(where), path, name, at, owner)
