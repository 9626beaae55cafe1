"""Evidence at work: taken from this machine, gone on with, checked, listed; and put on record where there is a log."""

from __future__ import annotations

import json
import os
import secrets as chance
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stockade.app.host.evidence_places import EvidenceSink, sink_of
from stockade.app.recording import there_is_one
from stockade.app.stockade import Stockade
from stockade.config import Settings
from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Event, Ref
from stockade.host.evidence.acting import Evidence
from stockade.host.evidence.artifact import Artifact
from stockade.host.evidence.chain import Line
from stockade.host.evidence.collecting import Sealed, Step, begin, collection_name, resume
from stockade.host.evidence.manifest import Manifest, read
from stockade.host.evidence.pack import chosen, in_order, own_pack, read_file
from stockade.host.evidence.store import Shelf, Store
from stockade.host.evidence.verify import Report, verify
from stockade.host.evidence.walking import Place


@dataclass(frozen=True, slots=True)
class Collected:
    """What has come of a collection. ``unrecorded`` is why it is not on record, empty when it is."""

    sealed: Sealed
    unrecorded: str


def known_artifacts(files: Sequence[Path], wanted: Sequence[str]) -> list[Artifact]:
    """Ours and those of files, as far as they are wanted: those of files are, when they are named."""
    given = [artifact for file in files for artifact in read_file(file)]
    if given and not wanted:
        return in_order(given)
    return in_order(chosen([*own_pack(), *given], wanted))


def collected(
    asked: Stockade, to: str, artifacts: Sequence[Artifact], tell: Callable[[Step], None], *, secrets: bool
) -> Collected:
    """Take evidence of this machine into a new collection, and seal it."""
    name = collection_name(os.uname().nodename, time.time(), chance.token_hex(2))
    sink = sink_of(to, asked.settings)
    place = Place.at(Path("/"), own=sink.place)
    sealed = begin(sink.collection(name), artifacts, place, secrets=secrets, tell=tell)
    return Collected(sealed, _recorded(asked, sealed))


def resumed(asked: Stockade, to: str, artifacts: Sequence[Artifact], tell: Callable[[Step], None]) -> Collected:
    """Go on with the latest collection of this machine that is not sealed. Raises ConfigurationError: there is none."""
    sink = sink_of(to, asked.settings)
    sealed = resume(_unsealed(sink), artifacts, Place.at(Path("/"), own=sink.place), tell=tell)
    return Collected(sealed, _recorded(asked, sealed))


def checked(asked: Stockade, place: str, head: str) -> Report:
    """Check a collection, and have it on record that it was. Raises Tampered."""
    report = verify(_shelf(asked, place), head)
    event = Event(asked.clock(), "evidence.verify", asked.actor, _machine(report.host), details=_verified(report))
    _record(asked, event)
    return report


def collections(asked: Stockade, place: str) -> list[tuple[str, Manifest]]:
    """The collections of a place, or the one that it is, with what each says of itself; nothing is checked."""
    sink = sink_of(place, asked.settings)
    names = sink.collections()
    shelves = [sink.collection(name) for name in names] or [sink.collection("")]
    return [(shelf.place, read(shelf)) for shelf in shelves]


def taken_out(asked: Stockade, place: str, head: str, into: Path) -> Report:
    """Check a collection and write its items into a folder: octets by number, and what each is in ``items.jsonl``."""
    shelf = _shelf(asked, place)
    try:
        into.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise ConfigurationError(f"{into} is there already", remedy="Name a folder that is not.") from None

    def keep(item: int, octets: bytes) -> None:
        with (into / f"{item:06}").open("ab") as file:
            file.write(octets)

    try:
        report = verify(shelf, head, keep)
        lines = read(shelf).items.values()
        (into / "items.jsonl").write_text("".join(json.dumps(dict(line)) + "\n" for line in lines), "utf-8")
    except BaseException:
        shutil.rmtree(into)  # nobody is to take for checked what was not
        raise
    return report


def items_of(found: Manifest, *, missing: bool) -> Iterator[Line]:
    """Its items, or those of which there is nothing or not all."""
    for line in found.items.values():
        if not missing or line["facts"].keys() & {"error", "cut", "absent", "held_back"}:
            yield line


def as_step(settings: Settings) -> Evidence:
    """Evidence of this machine as a step that a plan can have."""
    return Evidence(os.uname().nodename, Path("/"), own_pack, lambda to, name: sink_of(to, settings).collection(name))


def _shelf(asked: Stockade, place: str) -> Shelf:
    """The collection that a place is, or the only one it holds."""
    sink = sink_of(place, asked.settings)
    names = sink.collections()
    if len(names) > 1:
        remedy = f"Name one of them: {place.rstrip('/')}/{names[-1]} is the latest."
        raise ConfigurationError(f"{sink.place} holds {len(names)} collections", remedy=remedy)
    return sink.collection(names[0] if names else "")


def _unsealed(sink: EvidenceSink) -> Store:
    mine = collection_name(os.uname().nodename, 0).rpartition("-")[0]
    names = [name for name in sink.collections() if name.startswith(f"{mine}-")]
    for store in map(sink.collection, names[::-1]):
        if read(store).sealed is None:
            return store
    remedy = "Begin one: the same command without --resume."
    raise ConfigurationError(f"{sink.place} holds no collection of this machine that is not sealed", remedy=remedy)


def _recorded(asked: Stockade, sealed: Sealed) -> str:
    """Why it is not on record; nothing when it is. What was saved is saved, whatever becomes of that."""
    details = {"place": sealed.place, "head": sealed.head, "phrase": sealed.phrase, "items": sealed.items}
    counts = {"octets": sealed.octets, "missed": sealed.missed, "resumed": sealed.resumed}
    return _record(
        asked, Event(asked.clock(), "evidence.collect", asked.actor, _machine(sealed.host), details=details | counts)
    )


def _record(asked: Stockade, event: Event) -> str:
    if not asked.settings.audit.enabled or not there_is_one(asked.settings):
        return "there is no audit log here"
    try:
        with asked.recording(anew=False) as record:
            record.insist(event)
    except StockadeError as error:
        return error.message
    return ""


def _machine(host: str) -> Ref:
    return Ref(host, "machine", host)


def _verified(report: Report) -> dict[str, object]:
    return {"place": report.place, "head": report.head, "items": report.items, "sealed": report.sealed}
