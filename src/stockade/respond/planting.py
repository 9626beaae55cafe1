"""A realistic compromise, planted in a directory: a stolen account, and all that an attacker leaves behind in it.

Nothing is attacked: every artefact is made in the directory as its owner would make it, from the attacker's address and
at times of the night before, so that the log reads as it would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stockade.directory import BuiltinDirectory, CredentialKind, Level, Scope
from stockade.directory.accounts import Account, AccountKind
from stockade.directory.permissions import covers
from stockade.errors import Refused
from stockade.events import Event, Ref
from stockade.respond.scoring import Planted

ADDRESS: Final = "203.0.113.66"
"""The attacker's (RFC 5737: nobody's)."""
HOURS: Final = 5.0
"""How long before now it began."""


@dataclass(frozen=True, slots=True)
class Story:
    """Whom it happened to, from where, since when, and what was left behind."""

    victim: Account
    place: str
    began: float
    planted: tuple[Planted, ...]


class Clock:
    """The time in the story: it stands until somebody moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float) -> float:
        self.now += seconds
        return self.now


def plant(directory: BuiltinDirectory, clock: Clock, record: Callable[[Event], None], chance: Random) -> Story:
    """Have somebody's account stolen. ``clock`` is the directory's; ``record`` hears what it does not record itself.

    Raises Refused when there is nobody to steal from: a person who maintains a project.
    """
    victim, place = _victim(directory, chance)
    began = clock.now
    left = tuple(_left_behind(_Intruder(directory, clock, record, victim, place)))
    return Story(victim, place, began, left)


def _victim(directory: BuiltinDirectory, chance: Random) -> tuple[Account, str]:
    """Somebody who maintains a project, and that project."""
    people = {each.name: each for each in directory.accounts() if each.kind is AccountKind.HUMAN and _usable(each)}
    projects = [each.path for each in directory.repositories()]
    able = sorted(
        (each.account, path)
        for each in directory.memberships()
        if each.account in people and each.level >= Level.MAINTAINER
        for path in projects
        if covers(each.path, path)
    )
    if not able:
        raise Refused(
            "nobody here maintains a project, so that there is nothing to steal",
            remedy="Say --organisation for a made-up one.",
        )
    name, path = chance.choice(able)
    return people[name], path


def _usable(account: Account) -> bool:
    return not (account.blocked or account.admin or account.departed)


class _Intruder:
    """Acts as the victim, a while apart."""

    def __init__(
        self, directory: BuiltinDirectory, clock: Clock, record: Callable[[Event], None], victim: Account, place: str
    ) -> None:
        self.directory, self.clock, self.victim, self.place = directory, clock, victim, place
        self.by = victim.ref
        self._record = record

    def does(self, action: str, target: Ref | None = None, **details: object) -> None:
        """What only the log shows."""
        self._record(Event(self.clock.later(40), action, self.by, target or self.by, ADDRESS, "success", details))

    def waits(self) -> None:
        self.clock.later(75)


def _left_behind(intruder: _Intruder) -> Iterator[Planted]:
    directory, by, name, place = intruder.directory, intruder.by, intruder.victim.name, intruder.place
    intruder.does("authentication.success", kind="password", unusual="an address never seen before")
    for what, make in _MAKING.items():
        intruder.waits()
        yield Planted(what, make(directory, by, name, place))
    for each in list(directory.credentials()):
        if (
            each.kind is CredentialKind.VARIABLE
            and "hidden" not in each.traits
            and each.within
            and covers(each.within, place)
        ):
            directory.read_variable(each.ref, by=by)
            intruder.waits()
    intruder.does("repository.read", Ref("stockade", "project", place))


def _token(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.issue_token(name, "ci helper", [Scope.API], by=by)[0].ref


def _project_token(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:
    kind = CredentialKind.PROJECT
    return directory.issue_token(name, "release", [Scope.WRITE_REPOSITORY], kind=kind, within=place, by=by)[0].ref


def _deploy_token(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:
    kind = CredentialKind.DEPLOY
    return directory.issue_token(name, "mirror", [Scope.READ_REPOSITORY], kind=kind, within=place, by=by)[0].ref


def _ssh_key(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.add_key(name, "laptop-new", _public_key(), by=by).ref


def _deploy_key(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    kind = CredentialKind.DEPLOY_KEY
    return directory.add_key(None, "backup", _public_key(), kind=kind, within=place, writes=True, by=by).ref


def _email(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.add_email(name, f"{name}.recovery@example.net", by=by).ref


def _identity(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.link_identity(name, "elsewhere", f"{name}-4711", by=by).ref


def _application(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    made, _ = directory.create_application(name, "Status board", "https://board.example.net/cb", [Scope.API], by=by)
    return made.ref


def _webhook(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.add_webhook(place, "https://hooks.example.net/in", events=["push"], by=by).ref


def _githook(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.add_githook(place, "post-receive", "#!/bin/sh\n# a drill: does nothing\nexit 0\n", by=by).ref


def _runner(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.register_runner(place, "spare runner", protected=True, tags=["docker"], by=by)[0].ref


def _mirror(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.add_mirror(place, "https://git.example.net/copy.git", pushes=True, by=by).ref


def _schedule(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:
    return directory.add_schedule(place, name, "nightly", "17 3 * * *", by=by).ref


def _account(directory: BuiltinDirectory, by: Ref, name: str, place: str) -> Ref:  # noqa: ARG001
    return directory.create_account(f"svc-{name}"[:40], AccountKind.BOT, by=by).ref


_MAKING: Final = {
    "a personal token": _token,
    "a project token": _project_token,
    "a deploy token": _deploy_token,
    "an SSH key": _ssh_key,
    "a deploy key": _deploy_key,
    "a secondary e-mail address": _email,
    "an external identity": _identity,
    "an OAuth application": _application,
    "a webhook": _webhook,
    "a Git hook": _githook,
    "a runner": _runner,
    "a push mirror": _mirror,
    "a schedule": _schedule,
    "an account": _account,
}
"""Every class of artefact, and how one is made; each answers with what it made."""


def _public_key() -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
