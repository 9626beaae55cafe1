"""The second step of signing in with a browser: a code, or a touch of a security key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import RedirectResponse, Response

from stockade.directory import AccountBlocked, UnknownCredentials, WrongFactor
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.security_keys import Site
from stockade.gateway.cookies import SESSION, give, take_back
from stockade.gateway.forms import form_page
from stockade.gateway.identity import Visitors
from stockade.gateway.onward import sent_on
from stockade.gateway.origin import Origin
from stockade.gateway.threads import queried
from stockade.guard.asgi import Scope

CODE: Final = "user[otp_attempt]"
ANSWER: Final = "answer"
"""The fields of the two forms, of which one is posted."""
SIGN_IN: Final = "/users/sign_in"

Fields = Mapping[str, str]


def shown_in(fields: Fields) -> str:
    """The code or the answer that was posted."""
    return (fields.get(ANSWER, "") or fields.get(CODE, "")).strip()


def failed(answer: Response) -> Response:
    """Mark an answer as a failed sign-in, so that no browser opens a dialog of its own (RFC 9110, section 11.6.1)."""
    answer.headers["www-authenticate"] = 'FormBased realm="Stockade"'
    return answer


class SecondStep:
    """The page between the password and the session."""

    def __init__(self, visitors: Visitors, lifetime: float) -> None:
        self.visitors, self.directory, self.lifetime = visitors, visitors.directory, lifetime

    async def show(
        self, scope: Scope, origin: Origin, found: SignedIn, *, status: int = 200, error: str = ""
    ) -> Response:
        """The page that asks."""
        return await self.asked(scope, origin, found, action=SIGN_IN, verb="Sign in", status=status, error=error)

    async def asked(
        self,
        scope: Scope,
        origin: Origin,
        found: SignedIn,
        *,
        action: str,
        verb: str,
        status: int = 200,
        error: str = "",
    ) -> Response:
        """A page that asks for a factor and posts it to ``action``."""
        cookie, now = self.visitors.cookie(scope), self.visitors.clock()
        options = await queried(self.directory.challenge, cookie, now, Site(str(origin)))
        return form_page(
            scope,
            origin,
            "second_step",
            status,
            scripted=options is not None,
            account=found.account,
            options=options,
            action=action,
            verb=verb,
            signing_in=action == SIGN_IN,
            error=error,
        )

    async def take(self, fields: Fields, scope: Scope, origin: Origin) -> Response:
        """The factor that was posted. A wrong one is a 401 as a wrong password is, and counts as one."""
        found = await self.visitors.signed_in(scope)
        if found is None:
            return RedirectResponse(SIGN_IN, 303)
        cookie, now, source = self.visitors.cookie(scope), self.visitors.clock(), self.visitors.source(scope)
        site = Site(str(origin))
        try:
            with self.visitors.passwords.taken(self.visitors.client(scope).key):
                fresh = await queried(
                    self.directory.second_factor, cookie, shown_in(fields), now, self.lifetime, site=site, source=source
                )
        except WrongFactor as wrong:
            return await self._wrong(wrong, scope, origin, found)
        except UnknownCredentials:
            return RedirectResponse(SIGN_IN, 303)
        except AccountBlocked as blocked:
            return form_page(scope, origin, "sign_in", 403, error=blocked.message, login="")
        answer = sent_on(scope, origin)
        give(answer, SESSION, fresh, origin)
        return answer

    async def _wrong(self, wrong: WrongFactor, scope: Scope, origin: Origin, found: SignedIn) -> Response:
        if not wrong.final:
            return failed(await self.show(scope, origin, found, status=401, error=wrong.message))
        answer = form_page(scope, origin, "sign_in", 401, error=wrong.message, login=found.account.name)
        take_back(answer, SESSION)
        return failed(answer)
