"""The pages below ``/users/two_factor``: which second factors one has, new ones, and fewer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

import segno
from starlette.responses import RedirectResponse, Response

from stockade.directory import AccountBlocked, BadName, NameTaken, Secret, UnknownCredentials, WrongFactor
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.factors import totp_uri
from stockade.directory.refusals import ENROL, FactorNeeded
from stockade.directory.security_keys import Site
from stockade.errors import Unavailable
from stockade.gateway.forms import BadForm, form_page, read
from stockade.gateway.identity import Visitors
from stockade.gateway.origin import Origin, origin_of
from stockade.gateway.second_step import ANSWER, SIGN_IN, SecondStep, failed, shown_in
from stockade.gateway.threads import queried
from stockade.guard.asgi import Receive, Scope, Send
from stockade.guard.paths import normal

APP, KEY, REMOVE, CODES = (f"{ENROL}/{name}" for name in ("app", "key", "remove", "codes"))
KINDS: Final = {"totp": "app", "webauthn": "security key", "recovery": "codes"}

Handler = Callable[[Scope, Receive, Origin, SignedIn], Awaitable[Response]]


class FactorPages:
    """For who is signed in, and for who may do nothing else until they have a factor."""

    def __init__(self, visitors: Visitors, step: SecondStep) -> None:
        self.visitors, self.directory, self.step = visitors, visitors.directory, step
        self.routes: Mapping[tuple[str, str], Handler] = {
            ("GET", ENROL): self.show,
            ("GET", APP): self.show_app,
            ("POST", APP): self.add_app,
            ("GET", KEY): self.show_key,
            ("POST", KEY): self.add_key,
            ("GET", REMOVE): self.show_proof,
            ("POST", REMOVE): self.remove,
            ("GET", CODES): self.show_proof,
            ("POST", CODES): self.renew,
        }
        self.paths = {path for _, path in self.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of the pages; who is not signed in is sent to where one does that."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = self.routes.get((method, normal(scope["path"])))
        origin = origin_of(scope, self.visitors.guard.addresses)
        answer: Response
        try:
            found = await self.visitors.signed_in(scope)
            if found is None or found.factor_missing:
                answer = RedirectResponse(SIGN_IN, 303)
            elif handler is None:
                answer = Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
            else:
                answer = await handler(scope, receive, origin, found)
        except UnknownCredentials:
            answer = RedirectResponse(SIGN_IN, 303)
        except BadForm as bad:
            answer = form_page(scope, origin, "sign_in", bad.status, error=bad.text, login="")
        except (AccountBlocked, Unavailable) as error:
            status = 503 if isinstance(error, Unavailable) else 403
            answer = form_page(scope, origin, "sign_in", status, error=error.message, login="")
        await answer(scope, receive, send)

    async def show(self, scope: Scope, _receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """What there is."""
        return await self._overview(scope, origin, found)

    # ── an authenticator app ─────────────────────────────────────────────────────────────────────

    async def show_app(self, scope: Scope, _receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """The QR code, and where to type what the app then shows."""
        return await self._app(scope, origin, found)

    async def add_app(self, scope: Scope, receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """A new app, when the code is right."""
        fields = await read(scope, receive, origin)
        code, name = fields.get("code", ""), fields.get("name", "")
        cookie, now, source = self.visitors.cookie(scope), self.visitors.clock(), self.visitors.source(scope)
        try:
            codes = await queried(self.directory.confirm_totp, cookie, code, name, now, source=source)
        except WrongFactor:
            return await self._app(scope, origin, found, 422, error="This is not the code that the app shows now.")
        except BadName as bad:
            return await self._app(scope, origin, found, 422, error=bad.remedy)
        return self._added(scope, origin, codes)

    async def _app(
        self, scope: Scope, origin: Origin, found: SignedIn, status: int = 200, *, error: str = ""
    ) -> Response:
        key = await queried(self.directory.enrol_totp, self.visitors.cookie(scope), self.visitors.clock())
        uri = totp_uri(key, found.account.name, origin.host)
        qr = segno.make(uri, error="m").svg_inline(scale=5, border=2)
        shown = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
        return form_page(scope, origin, "new_app", status, qr=qr, key=shown, name="My phone", error=error)

    # ── a security key ───────────────────────────────────────────────────────────────────────────

    async def show_key(self, scope: Scope, _receive: Receive, origin: Origin, _found: SignedIn) -> Response:
        """The page whose script asks the browser."""
        return await self._key(scope, origin)

    async def add_key(self, scope: Scope, receive: Receive, origin: Origin, _found: SignedIn) -> Response:
        """A new key, when its answer is right."""
        fields = await read(scope, receive, origin)
        answer, name = fields.get(ANSWER, ""), fields.get("name", "")
        cookie, now, source = self.visitors.cookie(scope), self.visitors.clock(), self.visitors.source(scope)
        site = Site(str(origin))
        try:
            codes = await queried(
                self.directory.confirm_security_key, cookie, answer, name, now, site=site, source=source
            )
        except WrongFactor:
            return await self._key(scope, origin, 422, error="The key's answer does not fit. Please try again.")
        except (BadName, NameTaken) as bad:
            return await self._key(scope, origin, 422, error=bad.message)
        return self._added(scope, origin, codes)

    async def _key(self, scope: Scope, origin: Origin, status: int = 200, *, error: str = "") -> Response:
        cookie, now = self.visitors.cookie(scope), self.visitors.clock()
        options = await queried(self.directory.enrol_security_key, cookie, now, Site(str(origin)))
        return form_page(
            scope, origin, "new_key", status, scripted=True, options=options, name="My security key", error=error
        )

    # ── by who shows a factor ────────────────────────────────────────────────────────────────────

    async def show_proof(self, scope: Scope, _receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """The page that asks for a factor before something is changed."""
        if not found.has_factor:
            return RedirectResponse(ENROL, 303)
        return await self._proof(scope, origin, found)

    async def remove(self, scope: Scope, receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """Remove the factor whose number is in the query."""
        fields = await read(scope, receive, origin)
        cookie, now, source = self.visitors.cookie(scope), self.visitors.clock(), self.visitors.source(scope)
        number, site = _factor(scope), Site(str(origin))
        try:
            await queried(self.directory.remove_factor, cookie, number, shown_in(fields), now, site=site, source=source)
        except WrongFactor as wrong:
            return failed(await self._proof(scope, origin, found, 401, error=wrong.message))
        except FactorNeeded as needed:
            return await self._overview(scope, origin, found, 403, error=f"{needed.message} {needed.remedy}")
        return RedirectResponse(ENROL, 303)

    async def renew(self, scope: Scope, receive: Receive, origin: Origin, found: SignedIn) -> Response:
        """New recovery codes in place of the old ones."""
        fields = await read(scope, receive, origin)
        cookie, now, source = self.visitors.cookie(scope), self.visitors.clock(), self.visitors.source(scope)
        site = Site(str(origin))
        try:
            codes = await queried(
                self.directory.renew_recovery_codes, cookie, shown_in(fields), now, site=site, source=source
            )
        except WrongFactor as wrong:
            return failed(await self._proof(scope, origin, found, 401, error=wrong.message))
        return self._added(scope, origin, codes)

    async def _proof(
        self, scope: Scope, origin: Origin, found: SignedIn, status: int = 200, *, error: str = ""
    ) -> Response:
        path = normal(scope["path"])
        action = f"{REMOVE}?factor={_factor(scope)}" if path == REMOVE else path
        verb = "Remove it" if path == REMOVE else "Make new codes"
        return await self.step.asked(scope, origin, found, action=action, verb=verb, status=status, error=error)

    # ── answers ──────────────────────────────────────────────────────────────────────────────────

    async def _overview(
        self, scope: Scope, origin: Origin, found: SignedIn, status: int = 200, *, error: str = ""
    ) -> Response:
        name, now = found.account.name, self.visitors.clock()
        return form_page(
            scope,
            origin,
            "two_factor",
            status,
            account=found.account,
            factors=await queried(self.directory.factors, name),
            codes_left=await queried(self.directory.recovery_codes_left, name),
            kinds=KINDS,
            due=found.due,
            overdue=found.overdue(now),
            linked=False,
            error=error,
        )

    def _added(self, scope: Scope, origin: Origin, codes: Sequence[Secret]) -> Response:
        if not codes:
            return RedirectResponse(ENROL, 303, {"cache-control": "no-store"})
        return form_page(scope, origin, "recovery_codes", codes=codes, error="")


def _factor(scope: Scope) -> int:
    """The number in the query; 0, which none has, for anything else."""
    [text] = parse_qs(scope["query_string"].decode("latin-1")).get("factor", [""])[:1]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
