"""Who exists and what they hold: accounts, credentials, and what an authentication found, in the words of SCIM and
OCSF.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stockade.events import Ref

SYSTEM = "stockade"
"""The system half of every reference to something in the built-in directory."""


class AccountKind(StrEnum):
    """What stands behind an account: a person, a program acting like one, or a program of the installation itself."""

    HUMAN = "human"
    BOT = "bot"
    SERVICE = "service"


class AccountState(StrEnum):
    """Whether an account may be used at all."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class CredentialKind(StrEnum):
    """What sort of proof a credential is."""

    PASSWORD = "password"  # noqa: S105  the kind, not a password
    PERSONAL = "personal"
    DEPLOY = "deploy"
    CI_JOB = "ci_job"
    SESSION = "session"

    @property
    def noun(self) -> str:
        """The kind as references spell it: ``password``, ``session``, and ``token`` for the rest."""
        return self.value if self in (CredentialKind.PASSWORD, CredentialKind.SESSION) else "token"


class Scope(StrEnum):
    """What a token may be used for; ``api`` stands for everything its holder may do."""

    READ_REPOSITORY = "read_repository"
    WRITE_REPOSITORY = "write_repository"
    READ_REGISTRY = "read_registry"
    WRITE_REGISTRY = "write_registry"
    API = "api"


EVERY_SCOPE: frozenset[Scope] = frozenset(Scope)
"""What a password or a session opens."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account. ``name`` is canonical and unique; ``created`` is seconds since the epoch, UTC; ``admin`` may do
    all.
    """

    id: int
    name: str
    kind: AccountKind
    state: AccountState
    email: str | None
    created: float
    admin: bool = False

    @property
    def ref(self) -> Ref:
        """The account in an event: ``stockade:user/alice``, whatever its kind."""
        return Ref(SYSTEM, "user", self.name)

    @property
    def blocked(self) -> bool:
        """Whether the account is refused everywhere."""
        return self.state is AccountState.BLOCKED


@dataclass(frozen=True, slots=True)
class Credential:
    """A password, token or session, described without its secret. Times are seconds since the epoch, UTC; None is
    never.

    ``holder`` names the account it acts for and ``name`` is the label that its holder gave it. ``username`` is the
    login that a deploy token goes with. ``within`` confines it to one project, or to everything below one group.
    """

    id: int
    kind: CredentialKind
    holder: str
    name: str
    scopes: frozenset[Scope]
    made: float
    expires: float | None = None
    last_used: float | None = None
    last_address: str | None = None
    revoked: float | None = None
    username: str | None = None
    within: str | None = None

    @property
    def ref(self) -> Ref:
        """The credential in an event: ``stockade:token/12``."""
        return Ref(SYSTEM, self.kind.noun, str(self.id))

    def expired(self, now: float) -> bool:
        """Whether its time is up: it is good until, and not at, ``expires``."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The outcome of an authentication: who it is, by which credential, and what that credential may be used for."""

    account: Account
    by: Credential
    scopes: frozenset[Scope]
