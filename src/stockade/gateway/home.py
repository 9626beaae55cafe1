"""The front page: who is signed in, which repositories they may read, and how to try things out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from starlette.responses import RedirectResponse, Response

from stockade.directory import Authenticated, Visibility
from stockade.directory.refusals import ENROL
from stockade.gateway.forms import form_page
from stockade.gateway.identity import Visitors
from stockade.gateway.origin import origin_of
from stockade.gateway.threads import queried
from stockade.guard.asgi import Receive, Scope, Send

MOST: Final = 100
"""Repositories shown, and ten times as many looked at."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A repository as the page shows it."""

    path: str
    private: bool
    writable: bool


class Home:
    """``/``, the same for everybody but for what they may see."""

    def __init__(self, visitors: Visitors, *, registry: bool) -> None:
        self.visitors, self.registry = visitors, registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the page."""
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        """The page; who must enrol a second factor first is sent to where one does."""
        origin = origin_of(scope, self.visitors.guard.addresses)
        found = await self.visitors.signed_in(scope)
        if found is not None and found.overdue(self.visitors.clock()):
            return RedirectResponse(ENROL, 303, {"cache-control": "no-store"})
        who = found if found is not None and not found.factor_missing else None
        return form_page(
            scope,
            origin,
            "home",
            account=who.account if who else None,
            has_factor=who is not None and who.has_factor,
            due=who.due if who else None,
            overdue=False,
            linked=True,
            repositories=await queried(self._readable, who.whole if who else None),
            origin=origin,
            registry=self.registry,
        )

    def _readable(self, who: Authenticated | None) -> list[Shown]:
        directory = self.visitors.directory
        looked_at = islice(directory.repositories(), 10 * MOST)
        rights = ((found, directory.allowed(who, found.path)) for found in looked_at)
        return list(
            islice(
                (
                    Shown(found.path, found.visibility is Visibility.PRIVATE, "write" in may)
                    for found, may in rights
                    if "read" in may
                ),
                MOST,
            )
        )
