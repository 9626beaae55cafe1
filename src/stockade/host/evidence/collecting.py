"""A collection from its first line to its seal: every artifact in its turn, streamed to the store as it is taken."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from itertools import groupby
from typing import Final

from stockade.errors import ConfigurationError, Refused, Tampered
from stockade.host.evidence.artifact import Artifact, Order
from stockade.host.evidence.chain import Chain
from stockade.host.evidence.manifest import Manifest, read, told_of
from stockade.host.evidence.parcel import HEAVIEST
from stockade.host.evidence.phrase import phrase
from stockade.host.evidence.source import Facts, Source, in_time
from stockade.host.evidence.sources import sources
from stockade.host.evidence.store import Store
from stockade.host.evidence.taking import Taker
from stockade.host.evidence.walking import Place
from stockade.host.patience import Late, patiently

PATIENCE: Final = 30.0
"""Seconds in which something must come of an item, and beyond its limit of a whole artifact."""
FORMAT: Final = "stockade evidence 1"
_NUMBER: Final = re.compile(r"\w+/(\d+)\.")


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is: which artifact of how many, in which turn, and what has been taken so far."""

    order: Order
    artifact: str
    what: str
    number: int
    artifacts: int
    items: int
    octets: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A collection that is complete. ``missed`` are items of which there is nothing, or not all."""

    place: str
    host: str
    head: str
    items: int
    octets: int
    stored: int
    missed: int
    resumed: int
    remark: str = ""

    @property
    def phrase(self) -> str:
        """The head as it is written down."""
        return phrase(self.head)


Tell = Callable[[Step], None]


def collection_name(host: str, now: float, salt: str = "") -> str:
    """What a collection is called: the machine, and when it was begun (UTC)."""
    safe = re.sub(r"[^A-Za-z0-9.-]+", "-", host).strip("-.") or "host"
    return f"{safe}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}" + (f"-{salt}" if salt else "")


def begin(store: Store, artifacts: Sequence[Artifact], place: Place, *, secrets: bool, tell: Tell) -> Sealed:
    """Take everything, and seal it. Raises Unavailable and Refused of the store; nothing that the machine shows."""
    taker, before = Taker(store, Chain(), 1, 1), Manifest()
    heading = _heading([each.id for each in artifacts], secrets=secrets)
    taker.say("begin", heading)
    _take_all(taker, artifacts, place, before, secrets=secrets, tell=tell)
    return _seal(store, taker, str(heading["host"]), before)


def resume(store: Store, known: Sequence[Artifact], place: Place, *, tell: Tell) -> Sealed:
    """Go on where a collection stopped: what is complete stays, and of what is not, the manifest says so.

    Raises Refused for one that is sealed or of another machine, ConfigurationError for artifacts that are not known,
    and Tampered when what it claims is not there.
    """
    before, names = read(store), frozenset(store.names())
    artifacts, secrets = _same(before, known)
    used = [int(found[1]) for found in map(_NUMBER.match, names) if found]
    taker = Taker(store, Chain(before.head), max(used) + 1, before.next_item)
    line = _resumption(store, before, names)
    taker.say("resume", line)
    before.take({"kind": "resume", **line})
    _take_all(taker, artifacts, place, before, secrets=secrets, tell=tell)
    return _seal(store, taker, str(before.begun["host"]), before)


def _heading(artifacts: list[str], *, secrets: bool) -> Facts:
    system = os.uname()
    return {
        "format": FORMAT,
        "at": time.time(),
        "host": system.nodename,
        "kernel": system.release,
        "machine": system.machine,
        "boot": _boot(),
        "uid": os.geteuid(),
        "python": platform.python_version(),
        "secrets": secrets,
        "artifacts": artifacts,
    }


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return ""


def _same(found: Manifest, known: Sequence[Artifact]) -> tuple[list[Artifact], bool]:
    """The artifacts that it was begun with."""
    if found.sealed is not None:
        raise Refused("this collection is sealed, and complete", remedy="Begin another: leave --resume out.")
    if found.begun["host"] != os.uname().nodename:
        raise Refused(f"this collection was begun on {found.begun['host']}, which this machine is not")
    by_name = {each.id: each for each in known}
    if missing := [each for each in found.begun["artifacts"] if each not in by_name]:
        remedy = "Name the same files with --uac and --artifacts as when it was begun."
        raise ConfigurationError(f"it was begun with the artifact {missing[0]}, which is not known", remedy=remedy)
    return [by_name[each] for each in found.begun["artifacts"]], bool(found.begun["secrets"])


def _resumption(store: Store, found: Manifest, names: frozenset[str]) -> Facts:
    """What is there and counts for nothing, and which items were half taken."""
    vouched = {*found.parts, *found.parcels, *found.abandoned}
    if gone := sorted(vouched - names):
        raise Tampered(f"{gone[0]} is gone from {store.place}", remedy="Somebody was here. Begin another collection.")
    return {
        "at": time.time(),
        "boot": _boot(),
        "uid": os.geteuid(),
        "abandoned": {name: sha256(store.read(name, HEAVIEST)).hexdigest() for name in sorted(names - vouched)},
        "again": list(found.opened.values()),
    }


def _take_all(
    taker: Taker, artifacts: Sequence[Artifact], place: Place, before: Manifest, *, secrets: bool, tell: Tell
) -> None:
    """Every artifact that is not done; what was taken in a turn is in the store before the next begins."""
    had = {(line["artifact"], line["what"]) for line in before.items.values()}
    left = [(number, each) for number, each in enumerate(artifacts, 1) if each.id not in before.done]
    for _, turn in groupby(left, key=lambda each: each[1].order):
        for number, artifact in turn:
            report = partial(_report, tell, taker, artifact, (number, len(artifacts)))
            _OfOne(taker, artifact, report).take(place, had, secrets=secrets)
        taker.flush()


def _report(tell: Tell, taker: Taker, artifact: Artifact, at: tuple[int, int], what: str) -> None:
    done = taker.done
    tell(Step(artifact.order, artifact.id, what, *at, done.items, done.octets))


class _OfOne:
    """Takes what there is of one artifact, as far as its limits go."""

    def __init__(self, taker: Taker, artifact: Artifact, tell: Callable[[str], None]) -> None:
        self._taker, self._artifact, self._tell = taker, artifact, tell
        self._items, self._octets, self._until = 0, 0, time.monotonic() + artifact.limits.seconds
        self._longest = artifact.limits.seconds + PATIENCE

    def take(self, place: Place, had: set[tuple[str, str]], *, secrets: bool) -> None:
        """All of it but what was had before; its last line says that it is done, and what was left out."""
        stopped = ""
        try:
            for source in patiently(sources(self._artifact, place, secrets=secrets), self._longest):
                if (self._artifact.id, source.what) not in had:
                    stopped = self._enough()
                    if stopped:
                        break
                    self._one(in_time(source, self._longest if self._artifact.command else PATIENCE))
        except Late as error:
            stopped = f"{error}: something that it looks at hangs"
        self._taker.finish(self._artifact, self._items, stopped)

    def _one(self, source: Source) -> None:
        self._tell(source.what)
        size = self._taker.take(self._artifact.id, source, self._artifact.limits.together - self._octets)
        self._items += 1
        self._octets += size

    def _enough(self) -> str:
        limits = self._artifact.limits
        if self._items >= limits.count:
            return f"there are more than {limits.count:,}"
        if self._octets >= limits.together:
            return f"together they have more than {limits.together:,} octets"
        return f"it took longer than {limits.seconds:.0f} s" if time.monotonic() > self._until else ""


def _seal(store: Store, taker: Taker, host: str, before: Manifest) -> Sealed:
    done = taker.done.plus(told_of(before))
    taker.say("seal", {"at": time.time(), **asdict(done)})
    return Sealed(
        store.place,
        host,
        taker.head,
        done.items,
        done.octets,
        taker.stored,
        done.missed,
        len(before.resumed),
        store.remark,
    )
