"""Who is asking: tokens and sessions are looked up before the guard decides, passwords only after it let them pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Final, cast

from stockade.directory import AccountBlocked, Authenticated, BuiltinDirectory, UnknownCredentials
from stockade.directory.builtin.register import unheard
from stockade.directory.builtin.sessions import SignedIn
from stockade.errors import Refused, Unavailable
from stockade.events import Event
from stockade.gateway.credentials import Shown, shown
from stockade.gateway.origin import origin_of
from stockade.gateway.threads import WAITING, hashed, queried
from stockade.gateway.turns import Turns
from stockade.guard.address import Client
from stockade.guard.asgi import Headers, Scope
from stockade.guard.discriminators import bounded
from stockade.guard.gate import Guard
from stockade.guard.meter import AsyncStore, Group, Store
from stockade.guard.request import Identity, Request

PROVEN: ContextVar[Identity | None] = ContextVar("stockade.proven", default=None)
SHOWN: Final = "stockade.shown"
FOUND: Final = "stockade.found"
"""Where in a scope the credential and what was found of it are kept."""
PASSWORDS: Final = 16
"""Passwords of one client that may be in the works together: what guesses at once is not counted before it is told."""


class Banned(Refused):
    """The account or the token that a request proves to be is banned."""


def identify(_request: Request) -> Identity | None:
    """Who the request being served proves to be: for ``Guard(identify=...)`` behind :class:`Visitors`."""
    return PROVEN.get()


class Visitors:
    """Finds out who is asking, at most once for each request."""

    def __init__(
        self,
        directory: BuiltinDirectory,
        guard: Guard,
        clock: Callable[[], float] = time.time,
        record: Callable[[Event], None] = unheard,
    ) -> None:
        self.directory, self.guard, self.clock, self.record = directory, guard, clock, record
        self.passwords = Turns("passwords are being checked", each=PASSWORDS, together=WAITING)

    async def glance(self, scope: Scope) -> None:
        """Before the guard: look up what costs next to nothing, and tell the guard whose it is."""
        secure = origin_of(scope, self.guard.addresses).secure
        credential = scope[SHOWN] = shown(scope["headers"], scope["query_string"], secure=secure)
        if credential is None or not credential.cheap:
            PROVEN.set(None)
            return
        found = scope[FOUND] = await self._find(credential, scope)
        PROVEN.set(identity_of(found) if isinstance(found, Authenticated) else None)

    async def authenticate(self, scope: Scope) -> Authenticated | None:
        """After the guard: who this is, None for nobody.

        Raises UnknownCredentials, AccountBlocked and Banned; a session that is over is nobody's. May raise Unavailable.
        """
        credential: Shown | None = scope.get(SHOWN)
        if credential is None:
            return None
        if credential.kind == "unreadable":
            raise UnknownCredentials("unreadable credentials")
        found = scope.get(FOUND) or await self._find(credential, scope)
        if isinstance(found, UnknownCredentials) and credential.kind == "session":
            return None
        if isinstance(found, Refused):
            raise found
        await self.refuse_banned(found)
        return found

    def cookie(self, scope: Scope) -> str:
        """The session's cookie; empty when there is none."""
        credential: Shown | None = scope.get(SHOWN)
        return credential.secret if credential is not None and credential.kind == "session" else ""

    async def signed_in(self, scope: Scope) -> SignedIn | None:
        """Whose browser this is, even when it has a second factor still to show or to enrol; None for nobody's, and for
        who may not be let in. Passwords are none of a page's business: one that took them along with any request would
        answer guesses that no rule counts.
        """
        cookie = self.cookie(scope)
        if not cookie:
            return None
        try:
            found = await queried(self.directory.signed_in, cookie, self.clock(), source=self.source(scope))
            await self.refuse_banned_user(found.account.name)
        except Refused:
            return None
        return found

    async def refuse_banned(self, found: Authenticated) -> None:
        """Raise Banned when the account or the token is banned; a store that is down bans nobody."""
        identity = identity_of(found)
        await self._refuse(("user", identity.user), ("token", identity.token))

    async def refuse_banned_user(self, name: str) -> None:
        """Raise Banned when the account of this name is."""
        await self._refuse(("user", name))

    async def _refuse(self, *named: tuple[str, str | None]) -> None:
        asks = [(bounded(kind, name), Group(), "") for kind, name in named if name]
        store = self.guard.store
        try:
            tallies = (
                await cast("AsyncStore", store).count(asks) if self.guard.awaits else cast("Store", store).count(asks)
            )
        except Unavailable:
            return
        if any(by for by, _, _ in tallies):
            raise Banned("This account is banned.", remedy="Ask an administrator why.")

    async def password(self, name: str, secret: str, scope: Scope) -> Authenticated:
        """Who signs in by these; raises as ``authenticate`` does."""
        with self.passwords.taken(self.client(scope).key):
            found = await hashed(self.directory.sign_in, name, secret, self.clock(), source=self.source(scope))
        await self.refuse_banned(found)
        return found

    def client(self, scope: Scope) -> Client:
        """Whose request it is."""
        peer = scope["client"][0] if scope.get("client") else ""
        return self.guard.addresses.resolve(peer, Headers(scope["headers"]).get)

    def source(self, scope: Scope) -> str:
        """The client's address, for the record."""
        return self.client(scope).address

    async def _find(self, credential: Shown, scope: Scope) -> Authenticated | UnknownCredentials | AccountBlocked:
        now, source = self.clock(), self.source(scope)
        directory, secret = self.directory, credential.secret
        if credential.kind == "session":
            ask = partial(directory.authenticate_session, secret, now, source=source)
        elif credential.kind == "bearer":
            ask = partial(directory.authenticate_token, secret, now, source=source)
        else:
            ask = partial(directory.authenticate, credential.name, secret, now, source=source)
        try:
            if credential.cheap:
                return await queried(ask)
            with self.passwords.taken(self.client(scope).key):
                return await hashed(ask)
        except (UnknownCredentials, AccountBlocked) as refusal:
            return refusal


def identity_of(found: Authenticated) -> Identity:
    """An account and its token by the names that rules and bans use: ``user:alice``, ``token:12``."""
    token = str(found.by.id) if found.by.kind.noun == "token" else None
    return Identity(found.account.name, token)
