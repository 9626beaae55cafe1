"""Secrets scanned for, recognised again, and listed: wired to the log, the directory and the machine."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.app.recording import made
from stockade.audit.concealing import Concealer
from stockade.config.state import state_of
from stockade.directory.sealing import Sealing
from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Entry, Event, Ref
from stockade.host.oddity import Unseen
from stockade.host.secrets import environment, history, tables
from stockade.host.secrets.comparing import SCANNED, Looked, compared, kept
from stockade.host.secrets.files import FilesScan
from stockade.host.secrets.found import LIVE, Found, Grade, Place, Sighting, Where, gathered
from stockade.host.secrets.scanning import Scanner
from stockade.respond.journal import telling
from stockade.respond.renewal import machine_of

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade
    from stockade.directory import BuiltinDirectory

STORY: Final = re.compile(rb'"action":"(?:secret|rotation|network|rebuild)\.')
"""What the story of a machine's secrets is folded from."""
MOST: Final = 20_000
"""Secrets of one scan that are kept in memory; what is beyond is counted, and said."""
TIPS: Final = "secrets-history.json"
TOLD: Final = 50
"""Things that could not be looked at, of which the log has the names."""
_OURS: Final = "stk_"


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan has found, and what it could not look at; ``notes`` counts what only looks like a secret."""

    found: tuple[Found, ...]
    unseen: tuple[Unseen, ...]
    notes: Counter[str]
    events: tuple[Event, ...]
    counts: dict[str, int]

    def of(self, action: str) -> list[Event]:
        """The events of an action that came of it."""
        return [event for event in self.events if event.action == action]


@dataclass(slots=True)
class Asked:
    """What is to be looked through."""

    paths: Sequence[Path]
    exclude: Collection[Path] = ()
    environment: bool = False
    history: bool = True
    databases: Sequence[tables.Columns] = ()


class Scanning:
    """One scan, with the story so far."""

    def __init__(self, stockade: Stockade, directory: BuiltinDirectory, tell: Callable[[int], None]) -> None:
        self.stockade, self.directory, self.tell = stockade, directory, tell
        self.settings, self.machine = stockade.settings, machine_name()
        made(self.settings)
        self.concealer = Concealer(self.settings.audit_secrets())
        owner = _Owner(directory, Sealing.kept_in(self.settings.sealing_key()))
        self.story = list(telling(self.settings.audit_log(), STORY))
        self.before = kept(self.story, self.machine)
        self.scanner = Scanner(self.concealer.fingerprint, owner, stockade.clock(), frozenset(self.before))
        self.state = state_of(self.settings).resolve()
        self.tips = _remembered(self.state / TIPS) if self.before else {}
        self.unseen: list[Unseen] = []
        self.notes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def run(self, asked: Asked) -> Scanned:
        """Look, compare with what was found before, and record it; nothing that was found is written anywhere."""
        found = gathered(self._worth(self._look(asked)))
        now, by = self.stockade.clock(), self.stockade.actor
        events = list(compared(self.before, found, self._looked(asked), machine=self.machine, time=now, by=by))
        events += _reopened(self.story, found.values(), self.machine, now=now, by=by)
        done = Scanned(tuple(found.values()), tuple(self.unseen), self.notes, tuple(events), dict(self.counts))
        with self.stockade.recording() as recording:
            for event in events:
                recording.seal(event)
            recording.insist(Event(now, SCANNED, by, machine_of(self.machine), details=_summary(asked, done)))
        if not self.counts["beyond"]:
            (self.state / TIPS).write_text(json.dumps(self.tips), "utf-8")
        return done

    def _look(self, asked: Asked) -> Iterator[Sighting | Unseen]:
        files = FilesScan(self.scanner, excluded=[*asked.exclude, self.state], tell=self.tell)
        for path in asked.paths:
            yield from files.walk(path)
        self.counts.update(files=files.files, octets=files.octets, binary=files.binary, packed=files.packed)
        if files.packed:
            yield Unseen(
                f"{files.packed} archives", "they are not unpacked", "Unpack what may hold secrets, and scan it."
            )
        if _under(str(self.state), [str(path) for path in asked.paths]):
            yield Unseen(str(self.state), "Stockade's own state", "Its keys are files of their own: see the how-to.")
        if asked.history:
            yield from self._histories(files.repositories)
        if asked.environment:
            yield from environment.scan(self.scanner)
        for columns in asked.databases:
            yield from tables.scan(self.scanner, columns)

    def _histories(self, repositories: Sequence[Path]) -> Iterator[Sighting | Unseen]:
        """Each history from where the last scan ended; that is remembered when what was found is on record."""
        for each in repositories:
            name, failed = str(each.resolve()), False
            try:
                tips = history.tips(each)
            except (OSError, ValueError) as error:
                yield Unseen(f"history of {each}", str(error) or "git cannot read it", "Look at it with git fsck.")
                continue
            if list(tips) != self.tips.get(name):
                for seen in history.scan(self.scanner, Path(name), self.tips.get(name, ())):
                    failed = failed or isinstance(seen, Unseen)
                    yield seen
            self.counts["histories"] += 1
            if not failed:
                self.tips[name] = list(tips)

    def _worth(self, seen: Iterable[Sighting | Unseen]) -> Iterator[Sighting]:
        """What is more than a note; the rest is counted."""
        names: set[str] = set()
        for each in seen:
            if isinstance(each, Unseen):
                self.unseen.append(each)
            elif each.grade is Grade.NOTE:
                self.notes[each.why] += 1
            elif len(names) < MOST or each.fingerprint in names:
                names.add(each.fingerprint)
                yield each
            else:
                self.counts["beyond"] += 1
        if self.counts["beyond"]:
            self.unseen.append(
                Unseen(
                    f"{self.counts['beyond']} sightings", f"there are more than {MOST} secrets", "Scan part by part."
                )
            )

    def _looked(self, asked: Asked) -> Looked:
        roots = tuple(str(path) for path in asked.paths)
        shut = tuple(each.what for each in self.unseen)
        tables_read = {
            f"{each.name}:{each.table}" for each in asked.databases if f"table {each.table} of {each.name}" not in shut
        }

        def at(place: Place) -> bool:
            if place.where is Where.FILE:
                return _under(place.path, roots) and not _under(place.path, shut)
            if place.where is Where.ENVIRONMENT:
                return asked.environment and "environments" not in shut
            return place.path in tables_read

        return Looked(at)


def _under(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _remembered(place: Path) -> dict[str, list[str]]:
    """Where the histories were read to; nothing when nobody remembers, and then they are read from the beginning."""
    try:
        read = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _summary(asked: Asked, done: Scanned) -> dict[str, object]:
    grades = Counter(each.grade.value for each in done.found)
    return {
        "paths": [str(path) for path in asked.paths],
        "environment": asked.environment,
        "history": asked.history,
        "databases": [each.name for each in asked.databases],
        **done.counts,
        "grades": dict(grades),
        "notes": sum(done.notes.values()),
        "rotated": len(done.of("secret.rotated")),
        "unseen": [f"{each.what}: {each.why}" for each in done.unseen[:TOLD]],
        "unseen_of": len(done.unseen),
    }


def _reopened(story: Iterable[Entry], found: Iterable[Found], machine: str, *, now: float, by: Ref) -> Iterator[Event]:
    """What somebody ticked off, and what is still the same where it can be read, is open again."""
    last: dict[Ref, str] = {}
    for entry in story:
        event = entry.event
        if (
            event.action.startswith("rotation.")
            and event.target
            and event.details.get("subject") == str(machine_of(machine))
        ):
            last[event.target] = event.action
    for each in found:
        target = Ref(machine, "secret", each.id)
        live = next((place for place in each.places if place.where in LIVE), None)
        if live is not None and last.get(target) == "rotation.done":
            details = {"subject": str(machine_of(machine)), "reason": f"it is still the same in {live}"}
            yield Event(now, "rotation.reopen", by, target, details=details)


class _Owner:
    """Which things of the directory a secret is, by what the directory keeps: digests, fingerprints, public keys."""

    def __init__(self, directory: BuiltinDirectory, sealing: Sealing) -> None:
        self._directory, self._sealing = directory, sealing
        self._known: dict[str, list[Ref]] = {}
        for each in directory.credentials():
            if each.fingerprint and each.revoked is None:
                self._known.setdefault(each.fingerprint, []).append(each.ref)
        self._asked = lru_cache(maxsize=4096)(self._ask)

    def __call__(self, secret: str) -> tuple[Ref, ...]:
        return self._asked(self._sealing.fingerprint(secret), secret if secret.startswith(_OURS) else _public(secret))

    def _ask(self, fingerprint: str, other: str) -> tuple[Ref, ...]:
        if other.startswith(_OURS):
            try:
                return (self._directory.whose(other).ref,)
            except StockadeError:
                return ()
        return tuple(self._known.get(fingerprint, ()) or self._known.get(other, ()))


def _public(secret: str) -> str:
    """The fingerprint of the public half of a private key, as the inventory has it; empty for all else."""
    if "PRIVATE KEY-----" not in secret[:64]:
        return ""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    from stockade.directory.keys import ssh_key

    data = (secret + "\n").encode("utf-8", "replace")
    try:
        key = load_ssh_private_key(data, None) if b"OPENSSH" in data[:64] else load_pem_private_key(data, None)
        return ssh_key(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()).fingerprint
    except (ValueError, TypeError, UnsupportedAlgorithm, StockadeError):
        return ""


def machine_name() -> str:
    """What this machine is called in references."""
    return socket.gethostname() or "localhost"


@contextmanager
def scanning(stockade: Stockade, tell: Callable[[int], None] = lambda _octets: None) -> Iterator[Scanning]:
    """Scan under a configuration; ``tell`` hears how many octets were read."""
    with ExitStack() as stack:
        yield Scanning(stockade, stack.enter_context(stockade.directory()), tell)


def asked_of(stockade: Stockade, paths: Sequence[Path]) -> Asked:
    """What the configuration says is looked through; paths that are named are all that is, but for their histories."""
    told = stockade.settings.secrets
    exclude = [Path(each).expanduser().resolve() for each in told.exclude]
    if paths:
        missing = next((path for path in paths if not path.exists()), None)
        if missing is not None:
            raise ConfigurationError(f"{missing} is not there", remedy="Name files and folders that are.")
        return Asked([path.resolve() for path in paths], exclude, history=told.history)
    columns = [
        tables.Columns(each.name, each.url.open(), each.table, each.columns, each.key, each.owner)
        for each in told.database
    ]
    there = [Path(each) for each in told.paths if Path(each).exists()]
    return Asked(there, exclude, told.environment, told.history, columns)
