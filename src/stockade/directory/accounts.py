"""Who exists and what they hold: accounts, credentials, and what an authentication found, in the words of SCIM and
OCSF.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

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
    """What sort of proof, secret or way in a credential is."""

    PASSWORD = "password"  # noqa: S105  the kind, not a password
    RESET = "reset"
    SESSION = "session"
    PERSONAL = "personal"
    PROJECT = "project"
    GROUP = "group"
    DEPLOY = "deploy"
    IMPERSONATION = "impersonation"
    TRIGGER = "trigger"
    CI_JOB = "ci_job"
    REGISTRATION = "registration"
    RUNNER = "runner"
    SSH_KEY = "ssh_key"
    DEPLOY_KEY = "deploy_key"
    GPG_KEY = "gpg_key"
    TOTP = "totp"
    WEBAUTHN = "webauthn"
    RECOVERY = "recovery"
    APPLICATION = "application"
    GRANT = "grant"
    VARIABLE = "variable"
    WEBHOOK = "webhook"
    MIRROR = "mirror"
    EMAIL = "email"
    IDENTITY = "identity"

    @property
    def noun(self) -> str:
        """The kind as references and actions spell it: ``token``, ``key``, ``factor``, or the kind itself."""
        return _NOUNS.get(self, self.value)


TOKEN_KINDS: frozenset[CredentialKind] = frozenset(
    {
        CredentialKind.PERSONAL,
        CredentialKind.PROJECT,
        CredentialKind.GROUP,
        CredentialKind.DEPLOY,
        CredentialKind.IMPERSONATION,
        CredentialKind.TRIGGER,
        CredentialKind.CI_JOB,
        CredentialKind.REGISTRATION,
    }
)
KEY_KINDS: frozenset[CredentialKind] = frozenset(
    {CredentialKind.SSH_KEY, CredentialKind.DEPLOY_KEY, CredentialKind.GPG_KEY}
)
FACTOR_KINDS: frozenset[CredentialKind] = frozenset(
    {CredentialKind.TOTP, CredentialKind.WEBAUTHN, CredentialKind.RECOVERY}
)
_NOUNS = dict.fromkeys(TOKEN_KINDS, "token") | dict.fromkeys(KEY_KINDS, "key") | dict.fromkeys(FACTOR_KINDS, "factor")


class IntegrationKind(StrEnum):
    """What goes on acting once it was set up, whoever is signed in."""

    WEBHOOK = "webhook"
    GITHOOK = "githook"
    MIRROR = "mirror"
    SCHEDULE = "schedule"
    RUNNER = "runner"


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
    """One account. ``name`` is canonical and unique; ``admin`` may do all. Times are seconds since the epoch, UTC.

    ``locked`` refuses the account everywhere until then, and lapses by itself; ``departed`` is when its owner left;
    ``factor_due`` is when it needs a second factor at the latest.
    """

    id: int
    name: str
    kind: AccountKind
    state: AccountState
    email: str | None
    created: float
    admin: bool = False
    locked: float | None = None
    departed: float | None = None
    factor_due: float | None = None

    @property
    def ref(self) -> Ref:
        """The account in an event: ``stockade:user/alice``, whatever its kind."""
        return Ref(SYSTEM, "user", self.name)

    @property
    def blocked(self) -> bool:
        """Whether the account is refused everywhere until somebody lets it in again."""
        return self.state is AccountState.BLOCKED

    def shut_out(self, now: float) -> bool:
        """Whether the account is refused everywhere at this moment: blocked, locked for a while, or departed."""
        locked = self.locked is not None and now < self.locked
        return self.blocked or locked or (self.departed is not None and self.departed <= now)


class Credential(NamedTuple):
    """Whatever opens something, described without its secret. Times are seconds since the epoch, UTC; None is never.

    ``holder`` names the account it acts for, empty when it is nobody's (an instance's variable); ``made_by`` the
    account that made it, where that is known; ``name`` is the label people gave it. ``username`` is the login that a
    deploy token goes with. ``within`` is the project or group it belongs to or is confined to, "" for the whole
    instance. ``traits`` are short words: ``protected``, ``masked``, ``hidden``, ``read-only``. ``weakness`` says why a
    key is weak. ``fingerprint`` tells two of the same secret from two different ones without telling the secret.

    A named tuple, since there are a hundred thousand in a list and a frozen dataclass takes ten times as long to make.
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
    made_by: str | None = None
    paused: float | None = None
    fingerprint: str | None = None
    traits: frozenset[str] = frozenset()
    weakness: str | None = None

    @property
    def ref(self) -> Ref:
        """The credential in an event: ``stockade:token/12``."""
        return Ref(SYSTEM, self.kind.noun, str(self.id))

    def expired(self, now: float) -> bool:
        """Whether its time is up: it is good until, and not at, ``expires``."""
        return self.expires is not None and now >= self.expires

    def live(self, now: float) -> bool:
        """Whether it opens anything, as far as it goes by itself: neither revoked, paused nor expired."""
        return self.revoked is None and self.paused is None and not self.expired(now)


@dataclass(frozen=True, slots=True)
class Integration:
    """Something that acts by itself in ``place`` (a project, a group, "" for the instance) until it is stopped.

    ``name`` says what it is: a hook's address, a schedule's label; ``acts_for`` the account whose rights it has.
    """

    id: int
    kind: IntegrationKind
    place: str
    name: str
    made: float
    made_by: str | None = None
    acts_for: str | None = None
    paused: float | None = None
    revoked: float | None = None

    @property
    def ref(self) -> Ref:
        """The integration in an event: ``stockade:webhook/3``."""
        return Ref(SYSTEM, self.kind.value, str(self.id))


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The outcome of an authentication: who it is, by which credential, and what that credential may be used for."""

    account: Account
    by: Credential
    scopes: frozenset[Scope]


class Level(IntEnum):
    """How much a member may do; numbers as in GitLab's API."""

    GUEST = 10
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50


@dataclass(frozen=True, slots=True)
class Membership:
    """The level of ``account`` in the project or group ``path`` and in everything below it, until it expires."""

    account: str
    path: str
    level: Level
    since: float | None = None
    expires: float | None = None
    made_by: str | None = None

    def live(self, now: float) -> bool:
        """Whether it still counts: it does until, and not at, ``expires``."""
        return self.expires is None or now < self.expires


class Directory(Protocol):
    """What can be asked of any system that keeps accounts; reading only, streamed. Methods raise Unavailable."""

    system: str

    def accounts(self) -> Iterator[Account]:
        """Everybody."""
        ...

    def credentials(self, holder: str | None = None) -> Iterator[Credential]:
        """Whatever opens something, dead or alive: one account's, or everybody's and nobody's."""
        ...

    def memberships(self, name: str | None = None) -> Iterator[Membership]:
        """Who may do what where: one account's, or everybody's."""
        ...

    def integrations(self) -> Iterator[Integration]:
        """What acts by itself."""
        ...
