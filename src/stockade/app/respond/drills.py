"""Drills: a compromise planted in a copy of the directory, for people to find, and how well they did."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from stockade.app.searching import sources
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import Account, AccountKind
from stockade.directory.builtin.copying import copied
from stockade.directory.reach import Subject, Window, World, reach
from stockade.directory.refusals import UnknownAccount
from stockade.directory.sealing import Sealing
from stockade.errors import ConfigurationError, Refused
from stockade.events import Event, Ref
from stockade.respond.planting import ADDRESS, HOURS, Clock, Story, plant
from stockade.respond.scoring import Answers, Score, answers_of, as_json, score

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

ANSWERS: Final = "answers.json"
CONFIGURATION: Final = "stockade.toml"
DAYS, REGULARS, USUAL = 20, 12, "198.51.100."
"""Days of ordinary sign-ins before the night, by so many people, from such addresses (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A drill that is ready: where, of how many accounts, and how many artefacts there are to find."""

    place: Path
    accounts: int
    planted: int


def prepare(place: Path, ours: Stockade | None, *, seed: int | None = None) -> Prepared:
    """Make a drill in a new directory, from a copy of ``ours`` or, without, from a made-up organisation.

    Raises ConfigurationError when the place is taken, and Refused when there is nobody to steal from.
    """
    chance = Random(seed)  # noqa: S311  a story, no secret
    theirs = made(place)
    clock = Clock(time.time() - HOURS * 3600)
    with _opened(theirs, clock) as (directory, record):
        if ours is None:
            directory.found_organisation(120, chance.randrange(1000))
        else:
            with ours.directory() as original:
                copied(original, directory)
        people = list(directory.accounts())
        _ordinary_days(people, clock.now, record, chance)
        story = plant(directory, clock, record, chance)
        begun = time.time()
        record(Event(begun, "drill.begin", theirs.actor, details={"planted": len(story.planted)}))
        _keep(place, _answers(directory, story, begun))
    return Prepared(place, len(people), len(story.planted))


def scored(place: Path) -> Score:
    """How well the drill in a directory went so far. Raises ConfigurationError when there is none."""
    file = place / ANSWERS
    try:
        answers = answers_of(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"there is no drill in {place}", remedy="stockade drill account PLACE makes one."
        ) from error
    theirs = stockade_of(place)
    with theirs.directory() as directory:
        (log,) = sources([theirs.settings.audit_log()])
        found = score(answers, log.entries(0), lambda ref: _alive(directory, ref))
    with theirs.recording() as recording:
        told = {"points": found.points, "missed": len(found.missed), "wrong": len(found.wrong)}
        recording.insist(Event(time.time(), "drill.score", theirs.actor, details=told))
    return found


def made(place: Path) -> Stockade:
    """The place of a drill, with a configuration of its own. Raises ConfigurationError when it is taken."""
    try:
        place.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be made: {error.strerror}", remedy="Name a new directory.") from error
    (place / CONFIGURATION).write_text(f"state = {json.dumps(str(place.resolve() / 'state'))}\n")
    return stockade_of(place)


def stockade_of(place: Path) -> Stockade:
    """Stockade as the configuration of a drill has it."""
    from stockade.app.stockade import Stockade
    from stockade.config import load

    return Stockade(load(place / CONFIGURATION))


class _FromAfar:
    """Has what happens on record as if it came from the attacker's address, where it came from none."""

    def __init__(self, insist: object) -> None:
        self._insist = insist

    def __call__(self, event: Event) -> None:
        self._insist(event if event.source or event.actor is None else replace(event, source=ADDRESS))  # type: ignore[operator]


@contextmanager
def _opened(theirs: Stockade, clock: Clock) -> Iterator[tuple[BuiltinDirectory, _FromAfar]]:
    """The directory of the drill, on the story's clock."""
    from stockade.config.state import state_of

    state_of(theirs.settings)
    sealing = Sealing.kept_in(theirs.settings.sealing_key())
    with theirs.recording() as recording:
        record = _FromAfar(recording.insist)
        url = theirs.settings.database_url()
        with BuiltinDirectory(url, record=record, insist=record, clock=clock, sealing=sealing) as directory:
            directory.migrate()
            yield directory, record


def _ordinary_days(people: list[Account], until: float, record: _FromAfar, chance: Random) -> None:
    """Sign-ins as on any day, so that what is strange stands out."""
    humans = [each for each in people if each.kind is AccountKind.HUMAN and not each.blocked]
    regulars = [
        (each, f"{USUAL}{10 + at}") for at, each in enumerate(chance.sample(humans, min(REGULARS, len(humans))))
    ]
    moments = sorted(
        (until - (day + chance.random() / 3) * 86_400, who, where)
        for day in range(1, DAYS)
        for who, where in ((each.name, address) for each, address in regulars)
    )
    for moment, who, where in moments:
        ref = Ref("stockade", "user", who)
        record(Event(moment, "authentication.success", ref, ref, where, "success", {"kind": "password"}))


def _answers(directory: BuiltinDirectory, story: Story, begun: float) -> Answers:
    world = World(
        accounts={each.name: each for each in directory.accounts()},
        credentials=list(directory.credentials()),
        memberships=list(directory.memberships()),
        integrations=list(directory.integrations()),
        projects=frozenset(each.path for each in directory.repositories()),
    )
    reached = reach(world, Subject(story.victim), Window(story.began, begun)).secrets
    return Answers(
        victim=story.victim.ref,
        attacker=ADDRESS,
        begun=begun,
        planted=story.planted,
        own=frozenset(each.ref for each in world.credentials if each.holder == story.victim.name),
        reached=frozenset(each.ref for each in reached),
    )


def _keep(place: Path, answers: Answers) -> None:
    file = place / ANSWERS
    file.touch(mode=0o600)
    file.write_text(json.dumps(as_json(answers), indent=1))


def _alive(directory: BuiltinDirectory, ref: Ref) -> bool:
    """Whether an artefact still opens or does anything."""
    try:
        if ref.kind == "user":
            return not directory.account(ref.id).blocked
        found = directory.thing(ref)
    except (UnknownAccount, Refused):
        return False
    return found.revoked is None and found.paused is None
