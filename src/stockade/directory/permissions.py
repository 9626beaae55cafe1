"""What an account may do to a project's repository and container images: pure, and the same for every door."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from stockade.directory.accounts import SYSTEM, Account, Level, Membership, Scope
from stockade.events import Ref

Action = Literal["read", "write"]
Service = Literal["repository", "registry"]

NOTHING: frozenset[Action] = frozenset()
READ: frozenset[Action] = frozenset({"read"})
READ_AND_WRITE: frozenset[Action] = frozenset({"read", "write"})


class Visibility(StrEnum):
    """Who may read without being a member."""

    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Repository:
    """A project: its canonical path, such as ``group/project``, and who may see it."""

    path: str
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Group:
    """Where projects and other groups lie: its canonical path, such as ``company/team``, and who may see it."""

    path: str
    visibility: Visibility

    @property
    def ref(self) -> Ref:
        """The group in an event: ``stockade:group/company/team``."""
        return Ref(SYSTEM, "group", self.path)


def covers(prefix: str, path: str) -> bool:
    """Whether ``path`` is ``prefix`` or lies below it, by whole parts."""
    return path == prefix or path.startswith(prefix + "/")


def allowed(
    account: Account | None,
    scopes: frozenset[Scope],
    path: str,
    *,
    visibility: Visibility | None,
    now: float,
    memberships: Iterable[Membership] = (),
    service: Service = "repository",
    within: str | None = None,
) -> frozenset[Action]:
    """What ``account`` (None: anybody) may do to ``path`` by a credential with these ``scopes``, confined to
    ``within``, at the time ``now`` in seconds since the epoch.

    ``visibility`` is the project's, None when there is no such project; ``memberships`` are the account's own,
    of which the expired ones do not count. Reporters read, developers write, administrators do both; a public project
    is read by everybody who is not shut out.
    """
    if account is not None and account.shut_out(now):
        return NOTHING
    public = READ if visibility is Visibility.PUBLIC else NOTHING
    if account is None or (within is not None and not covers(within, path)):
        return public
    live = [membership for membership in memberships if membership.live(now)]
    return public | (_by_scopes(scopes, service) & _by_membership(account, path, visibility, live))


def _by_scopes(scopes: frozenset[Scope], service: Service) -> frozenset[Action]:
    read, write = Scope(f"read_{service}"), Scope(f"write_{service}")
    if scopes & {Scope.API, write}:
        return READ_AND_WRITE
    return READ if read in scopes else NOTHING


def _by_membership(
    account: Account, path: str, visibility: Visibility | None, memberships: Iterable[Membership]
) -> frozenset[Action]:
    if account.admin:
        return READ_AND_WRITE
    if visibility is None:
        return NOTHING
    level = max(
        (m.level for m in memberships if m.account == account.name and covers(m.path, path)), default=Level.GUEST
    )
    if level >= Level.DEVELOPER:
        return READ_AND_WRITE
    return READ if level >= Level.REPORTER else NOTHING
