"""What somebody can do with an account or a single credential: the rules by which a reach is computed.

They are GitLab's, as its documentation of permissions tells them, and stand one by one in ``docs/why/reach.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from stockade.directory.accounts import Credential, CredentialKind, Level, Membership, Scope
from stockade.directory.permissions import covers

KIND = CredentialKind
INSTANCE: Final = ""
"""The place of what belongs to the whole instance."""


class How(StrEnum):
    """How a secret was within reach, the surest first."""

    OWN = "its own"
    MADE = "it made it"
    READS = "could read it"
    PRINTS = "a job could print it"
    MANAGES = "could replace it"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who comes by a kind of secret: from which level on in its project, and in its group; an administrator always."""

    how: How
    project: Level
    group: Level


_MANAGED: Final = Rule(How.MANAGES, Level.MAINTAINER, Level.OWNER)
VALUES: Final = Rule(How.READS, Level.MAINTAINER, Level.OWNER)
"""Values of variables are shown to who may set them; hidden ones are not."""
RULES: Final[Mapping[CredentialKind, Rule]] = {
    KIND.REGISTRATION: Rule(How.READS, Level.MAINTAINER, Level.OWNER),
    KIND.APPLICATION: _MANAGED,  # belongs to no place: administrators only
    **dict.fromkeys(
        (KIND.RUNNER, KIND.WEBHOOK, KIND.MIRROR, KIND.DEPLOY, KIND.DEPLOY_KEY, KIND.TRIGGER, KIND.PROJECT, KIND.GROUP),
        _MANAGED,
    ),
}
PRINTING: Final = Level.DEVELOPER
"""Who may push a branch has its jobs print every variable that is not protected."""
PROTECTED: Final = Level.MAINTAINER
"""Who may push to protected branches, unless told otherwise, and so has jobs print protected variables."""
ACCESS_TOKENS: Final = frozenset({KIND.PROJECT, KIND.GROUP})
"""Only people make and replace these; a token of such a kind cannot."""
SIGNS_IN: Final = frozenset({KIND.PASSWORD, KIND.RESET, KIND.SESSION, KIND.IMPERSONATION, KIND.EMAIL, KIND.IDENTITY})
"""With these one can do all that the account may; an impersonation token as far as its scopes go."""
RUNS_JOBS: Final = frozenset({KIND.RUNNER, KIND.REGISTRATION})
"""Whoever has these is handed jobs, with every variable that they are given."""
OPENS_NOTHING: Final = frozenset(
    {
        *(KIND.TOTP, KIND.WEBAUTHN, KIND.RECOVERY, KIND.GPG_KEY, KIND.TRIGGER),
        *(KIND.APPLICATION, KIND.VARIABLE, KIND.WEBHOOK, KIND.MIRROR),
    }
)
"""What opens nothing here by itself; variables, webhooks and mirrors open something elsewhere."""


@dataclass(frozen=True, slots=True)
class Power:
    """What can be done in whose name: ``parts`` are the memberships it has, ``within`` what it is confined to.

    ``full`` is all that the account may do, ``pushes`` that it can change repositories and so run jobs, ``person``
    that it may make access tokens.
    """

    parts: tuple[Membership, ...]
    admin: bool = False
    full: bool = True
    pushes: bool = True
    person: bool = True
    within: str | None = None
    _above: dict[str, Membership] = field(init=False, repr=False, compare=False, default_factory=dict)
    _below: dict[str, Membership] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for part in self.confined():
            _raise(self._above, part.path, part)
            for place in ancestors(part.path):
                _raise(self._below, place, part)

    def confined(self) -> Iterator[Membership]:
        """The memberships, as far as the confinement leaves them."""
        for part in self.parts:
            if self.within is None or covers(self.within, part.path):
                yield part
            elif covers(part.path, self.within):
                yield replace(part, path=self.within)

    def at(self, place: str) -> Membership | None:
        """The membership with the highest level at a place: there, or in a group above."""
        found = [self._above[each] for each in ancestors(place) if each in self._above]
        return max(found, key=lambda part: part.level, default=None)

    def jobs_at(self, place: str) -> Membership | None:
        """The same for jobs that are given what belongs to the place: those of projects below it are, too."""
        found = [part for part in (self.at(place), self._below.get(place)) if part is not None]
        return max(found, key=lambda part: part.level, default=None)

    def reaches(
        self, secret: Credential, *, projects: frozenset[str] | None = None, protected: Level = PROTECTED
    ) -> tuple[How, Membership | None] | None:
        """How it comes by a secret, and by which membership (none for an administrator); None when it does not.

        A place counts as a project where it is not known to be a group: rather one secret too many.
        """
        place = secret.within or INSTANCE
        if secret.kind is not KIND.VARIABLE:
            return self._by_rule(RULES.get(secret.kind), secret, place, projects)
        shown = None if "hidden" in secret.traits else self._by_rule(VALUES, secret, place, projects)
        return shown or self._by_job(secret, place, protected)

    def _by_rule(
        self, rule: Rule | None, secret: Credential, place: str, projects: frozenset[str] | None
    ) -> tuple[How, Membership | None] | None:
        if rule is None or not self.full or (secret.kind in ACCESS_TOKENS and not self.person):
            return None
        if self.admin and self._may_be_at(place):
            return rule.how, None
        part = self.at(place) if place else None
        needed = rule.project if projects is None or place in projects else rule.group
        return (rule.how, part) if part is not None and part.level >= needed else None

    def _by_job(self, secret: Credential, place: str, protected: Level) -> tuple[How, Membership | None] | None:
        if not self.pushes:
            return None
        if self.admin and self._has_jobs_at(place):
            return How.PRINTS, None
        part = self.jobs_at(place)
        needed = protected if "protected" in secret.traits else PRINTING
        return (How.PRINTS, part) if part is not None and part.level >= needed else None

    def _may_be_at(self, place: str) -> bool:
        return self.within is None or bool(place and covers(self.within, place))

    def _has_jobs_at(self, place: str) -> bool:
        return self._may_be_at(place) or self.within is None or place in ancestors(self.within)


@lru_cache(maxsize=1 << 16)
def ancestors(path: str) -> tuple[str, ...]:
    """A path and every group above it, the instance last."""
    parts = path.split("/") if path else []
    return *("/".join(parts[:count]) for count in range(len(parts), 0, -1)), INSTANCE


def _raise(known: dict[str, Membership], place: str, part: Membership) -> None:
    if place not in known or known[place].level < part.level:
        known[place] = part


def power_of(credential: Credential, parts: Iterable[Membership] = (), *, admin: bool = False) -> Power:
    """What can be done with one credential; ``parts`` are its holder's memberships, ``admin`` whether that is one."""
    kind, scopes, within = credential.kind, credential.scopes, credential.within or None
    if kind in OPENS_NOTHING:
        return NOTHING
    if kind in RUNS_JOBS:
        place = credential.within or INSTANCE
        return Power(_given(credential, place, Level.MAINTAINER), not place, full=False, person=False)
    if kind is KIND.DEPLOY_KEY:
        writes = "read-only" not in credential.traits
        given = _given(credential, credential.within or INSTANCE, Level.DEVELOPER)
        return Power(given, full=False, pushes=writes, person=False) if within else NOTHING
    whole = Scope.API in scopes or (kind in SIGNS_IN and kind is not KIND.IMPERSONATION)
    pushes = whole or Scope.WRITE_REPOSITORY in scopes or kind in {KIND.SSH_KEY, KIND.CI_JOB}
    return Power(tuple(parts), admin, whole, pushes, kind not in ACCESS_TOKENS, within)


def _given(credential: Credential, place: str, level: Level) -> tuple[Membership, ...]:
    """What a credential may do by itself, whoever holds it, as if it were a member."""
    return (Membership(credential.holder, place, level, credential.made),)


NOTHING: Final = Power((), full=False, pushes=False, person=False)
