"""A drill is scored: how long until the account was shut, what was missed, and what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stockade.events import Entry, Event, Ref

SHUTTING: Final = frozenset({"user.block", "user.lock"})
ENDING: Final = frozenset(
    {
        *("token.revoke", "key.remove", "factor.remove", "application.remove", "grant.revoke", "email.remove"),
        *("identity.unlink", "webhook.remove", "runner.remove", "session.end", "member.remove", "user.remove"),
    }
)
"""Actions that take something away from whoever has it."""
RENEWING: Final = frozenset({"token.rotate", "variable.change", "variable.rotate", "runner.token.reset"})
"""Actions after which there is a new secret."""
FULL, MISSED, WRONG, LATE, IN_TIME = 100, 5, 4, 1, 120.0
"""Points at the beginning; what a missed artefact, a wrong step and a minute cost; seconds that cost nothing."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Something that the attacker of the drill left behind, and in which class of artefacts it is."""

    what: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Answers:
    """What the drill was about. ``own`` is what the victim holds by itself, ``reached`` what the attacker could read:
    to end or renew these is right. ``begun`` is in seconds since the epoch, UTC.
    """

    victim: Ref
    attacker: str
    begun: float
    planted: tuple[Planted, ...]
    own: frozenset[Ref]
    reached: frozenset[Ref]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A step that did harm, or came too early; ``entry`` is where it stands in the log."""

    text: str
    entry: str


@dataclass(frozen=True, slots=True)
class Score:
    """How it went. ``contained`` is after how many seconds the account was shut, None when it never was."""

    points: int
    contained: float | None
    found: tuple[Planted, ...]
    missed: tuple[Planted, ...]
    wrong: tuple[Wrong, ...]


def score(answers: Answers, entries: Iterable[Entry], alive: Callable[[Ref], bool]) -> Score:
    """The score by what the log has since the drill began, and by what is still ``alive``."""
    since = [entry for entry in entries if entry.event.time >= answers.begun and entry.event.outcome == "success"]
    contained = _contained(answers, since)
    missed = tuple(each for each in answers.planted if alive(each.ref))
    found = tuple(each for each in answers.planted if each not in missed)
    wrong = tuple(_wrong(answers, since, contained))
    return Score(_points(contained, len(missed), len(wrong)), contained, found, missed, wrong)


def _contained(answers: Answers, entries: Sequence[Entry]) -> float | None:
    shut = (e.event.time for e in entries if e.event.action in SHUTTING and e.event.target == answers.victim)
    first = min(shut, default=None)
    return None if first is None else first - answers.begun


def _points(contained: float | None, missed: int, wrong: int) -> int:
    if contained is None:
        return 0
    late = int(max(0.0, contained - IN_TIME) // 60) * LATE
    return max(0, FULL - missed * MISSED - wrong * WRONG - late)


def _wrong(answers: Answers, entries: Sequence[Entry], contained: float | None) -> Iterator[Wrong]:
    planted = {each.ref for each in answers.planted}
    right = planted | answers.own | answers.reached | {answers.victim}
    shut = float("inf") if contained is None else answers.begun + contained
    early = False
    for entry in entries:
        event = entry.event
        if event.action in SHUTTING and event.target not in right:
            yield Wrong(f"{_who(event)} was shut out, and had nothing to do with it", str(entry))
        elif event.action in ENDING and event.target not in right and not _of_victim(event, answers):
            yield Wrong(f"{event.action} of {event.target}, which is innocent", str(entry))
        elif event.action in RENEWING and event.time < shut and not early:
            early = True
            yield Wrong(
                "secrets were renewed before the account was shut: whoever was in it could read them", str(entry)
            )


def _of_victim(event: Event, answers: Answers) -> bool:
    return event.details.get("holder") == answers.victim.id


def _who(event: Event) -> str:
    return event.target.id if event.target is not None else "somebody"


# ── kept in a file ───────────────────────────────────────────────────────────────────────────────


def as_json(answers: Answers) -> dict[str, object]:
    """The answers as JSON values."""
    return {
        "victim": str(answers.victim),
        "attacker": answers.attacker,
        "begun": answers.begun,
        "planted": [{"what": each.what, "ref": str(each.ref)} for each in answers.planted],
        "own": sorted(map(str, answers.own)),
        "reached": sorted(map(str, answers.reached)),
    }


def answers_of(told: Mapping[str, Any]) -> Answers:
    """The answers that JSON values tell. Raises KeyError and ValueError when they tell none."""
    return Answers(
        victim=Ref.parse(told["victim"]),
        attacker=told["attacker"],
        begun=float(told["begun"]),
        planted=tuple(Planted(each["what"], Ref.parse(each["ref"])) for each in told["planted"]),
        own=frozenset(map(Ref.parse, told["own"])),
        reached=frozenset(map(Ref.parse, told["reached"])),
    )
