"""The front page: who is signed in, which repositories they may read, and how to try things out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from stockade.directory import Authenticated, Visibility
from stockade.gateway.cookies import FORM, give
from stockade.gateway.forms import TOKEN, token_of
from stockade.gateway.identity import Visitors
from stockade.gateway.origin import origin_of
from stockade.gateway.pages import page
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
        origin = origin_of(scope, self.visitors.guard.addresses)
        who, token = await self.visitors.of_session(scope), token_of(scope, origin)
        repositories = await queried(self._readable, who)
        answer = page(
            "home",
            account=who.account if who else None,
            repositories=repositories,
            origin=origin,
            registry=self.registry,
            token=token,
            token_field=TOKEN,
        )
        give(answer, FORM, token, origin)
        await answer(scope, receive, send)

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
