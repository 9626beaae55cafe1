"""``/users/applications``: which applications one has let in, and the end of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.responses import RedirectResponse, Response

from stockade.directory import Account, AccountBlocked, Credential
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.refusals import ENROL
from stockade.errors import Unavailable
from stockade.events import Ref
from stockade.gateway.forms import BadForm, form_page, read
from stockade.gateway.identity import Visitors
from stockade.gateway.oauth.consent import MEANINGS
from stockade.gateway.origin import Origin, origin_of
from stockade.gateway.second_step import SIGN_IN
from stockade.gateway.threads import queried
from stockade.guard.asgi import Receive, Scope, Send

APPLICATIONS: Final = "/users/applications"


@dataclass(frozen=True, slots=True)
class LetIn:
    """One application as the page shows it; times are seconds since the epoch."""

    number: str
    name: str
    may: tuple[str, ...]
    since: float
    used: float | None


class Granted:
    """The page, for who is signed in."""

    paths = (APPLICATIONS,)

    def __init__(self, visitors: Visitors) -> None:
        self.visitors, self.directory = visitors, visitors.directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it; who is not signed in is sent to where one does that."""
        origin = origin_of(scope, self.visitors.guard.addresses)
        try:
            answer = await self._answer(scope, receive, origin)
        except BadForm as bad:
            answer = form_page(scope, origin, "sign_in", bad.status, error=bad.text, login="")
        except (AccountBlocked, Unavailable) as error:
            status = 503 if isinstance(error, Unavailable) else 403
            answer = form_page(scope, origin, "sign_in", status, error=error.message, login="")
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, origin: Origin) -> Response:
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
        who = await self.visitors.signed_in(scope)
        if who is None or who.factor_missing:
            return RedirectResponse(SIGN_IN, 303)
        if who.overdue(self.visitors.clock()):
            return RedirectResponse(ENROL, 303)
        if scope["method"] == "POST":
            fields = await read(scope, receive, origin)
            await queried(self._end, who.account, fields.get("application", ""))
            return RedirectResponse(APPLICATIONS, 303, {"cache-control": "no-store"})
        return await self._page(scope, origin, who)

    async def _page(self, scope: Scope, origin: Origin, who: SignedIn) -> Response:
        granted = await queried(lambda: list(self.directory.granted(who.account, self.visitors.clock())))
        return form_page(scope, origin, "applications", account=who.account, applications=together(granted), error="")

    def _end(self, account: Account, number: str) -> None:
        """End all that this account has granted to the application of this number."""
        granted = self.directory.granted(account, self.visitors.clock())
        ended = {grant.ref: "ended by who had granted it" for ref, grant in granted if ref.id == number}
        self.directory.revoke_all(ended, by=account.ref)


def together(granted: Iterable[tuple[Ref, Credential]]) -> list[LetIn]:
    """One line for each application, however often it was let in; who came last stands first."""
    each: dict[Ref, list[Credential]] = {}
    for application, grant in granted:
        each.setdefault(application, []).append(grant)
    return sorted((_let_in(ref, grants) for ref, grants in each.items()), key=lambda line: line.since, reverse=True)


def _let_in(application: Ref, grants: list[Credential]) -> LetIn:
    scopes = frozenset[object]().union(*(grant.scopes for grant in grants))
    may = tuple(MEANINGS[scope][0] for scope in MEANINGS if scope in scopes)
    used = [grant.last_used for grant in grants if grant.last_used is not None]
    return LetIn(application.id, grants[-1].name, may, min(grant.made for grant in grants), max(used, default=None))
