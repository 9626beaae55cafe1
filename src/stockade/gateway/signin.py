"""Signing in and out with a browser, and resetting a password: at the paths that GitLab has them at."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from stockade.directory import AccountBlocked, UnknownCredentials, WeakPassword
from stockade.errors import Refused, Unavailable
from stockade.gateway.cookies import FORM, SESSION, cookie_in, give, take_back
from stockade.gateway.forms import BadForm, form_page, read
from stockade.gateway.identity import Visitors
from stockade.gateway.onward import sent_on
from stockade.gateway.origin import Origin, origin_of
from stockade.gateway.outbox import Deliver, reset_message
from stockade.gateway.second_step import ANSWER, CODE, SIGN_IN, SecondStep, failed
from stockade.gateway.threads import hashed, queried
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.paths import normal

_log = logging.getLogger("stockade.signin")
SESSION_SECONDS: Final = 12 * 3600.0
NOT_RIGHT: Final = "The name or the password is not right."

Fields = Mapping[str, str]
Handler = Callable[[Scope, Receive, Origin], Awaitable[Response]]


class SignIn:
    """The pages below ``/users``."""

    def __init__(self, visitors: Visitors, deliver: Deliver | None = None) -> None:
        self.visitors, self.directory, self.deliver = visitors, visitors.directory, deliver
        self.step = SecondStep(visitors, SESSION_SECONDS)
        self.routes: Mapping[tuple[str, str], Handler] = {
            ("GET", SIGN_IN): self.show_sign_in,
            ("POST", SIGN_IN): self.sign_in,
            ("POST", "/users/sign_out"): self.sign_out,
            ("GET", "/users/password/new"): self.show_forgotten,
            ("POST", "/users/password"): self.change_password,
            ("GET", "/users/password/edit"): self.show_reset,
        }
        self.paths = {path for _, path in self.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of the pages; a form that cannot be read is answered with a page that says why."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = self.routes.get((method, normal(scope["path"])))
        origin = origin_of(scope, self.visitors.guard.addresses)
        try:
            answer = await handler(scope, receive, origin) if handler else _no_such_method()
        except BadForm as bad:
            answer = form_page(scope, origin, "sign_in", bad.status, error=bad.text, login="")
        except Unavailable as down:
            answer = form_page(scope, origin, "sign_in", 503, error=down.message, login="")
        await answer(scope, receive, send)

    # ── in and out ───────────────────────────────────────────────────────────────────────────────

    async def show_sign_in(self, scope: Scope, _receive: Receive, origin: Origin) -> Response:
        """The form; who is in already is sent home, and who is half in shown the second step."""
        found = await self.visitors.signed_in(scope)
        if found is None:
            return form_page(scope, origin, "sign_in", error="", login="")
        if found.factor_missing:
            return await self.step.show(scope, origin, found)
        return RedirectResponse("/", 303)

    async def sign_in(self, scope: Scope, receive: Receive, origin: Origin) -> Response:
        """Open a session, or take the second step into it. A failure is a 401, so that a rule can count failures
        alone.
        """
        fields = await read(scope, receive, origin)
        if CODE in fields or ANSWER in fields:
            return await self.step.take(fields, scope, origin)
        name = fields.get("user[login]", "")[:255]
        try:
            found = await self.visitors.password(name, fields.get("user[password]", ""), scope)
            source = self.visitors.source(scope)
            now = self.visitors.clock()
            cookie = await queried(
                self.directory.open_session, found.account, now, SESSION_SECONDS, by=found.by, source=source
            )
        except UnknownCredentials:
            return failed(form_page(scope, origin, "sign_in", 401, error=NOT_RIGHT, login=name))
        except Refused as refused:
            return form_page(scope, origin, "sign_in", 403, error=refused.message, login=name)
        found_out = await queried(self.directory.signed_in, cookie, now)
        second = RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
        answer = second if found_out.factor_missing else sent_on(scope, origin)
        give(answer, SESSION, cookie, origin)
        return answer

    async def sign_out(self, scope: Scope, receive: Receive, origin: Origin) -> Response:
        """End the session."""
        await read(scope, receive, origin)
        cookie = cookie_in(Headers(scope["headers"]).get("cookie") or "", SESSION, secure=origin.secure)
        if cookie:
            await queried(self.directory.close_session, cookie)
        answer = RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
        take_back(answer, SESSION)
        take_back(answer, FORM)
        return answer

    # ── forgotten passwords ──────────────────────────────────────────────────────────────────────

    async def show_forgotten(self, scope: Scope, _receive: Receive, origin: Origin) -> Response:
        """The form that asks for a code."""
        return form_page(scope, origin, "forgotten", error="", sent=False)

    async def show_reset(self, scope: Scope, _receive: Receive, origin: Origin) -> Response:
        """The form that takes the code and the new password."""
        return form_page(scope, origin, "reset", error="")

    async def change_password(self, scope: Scope, receive: Receive, origin: Origin) -> Response:
        """Ask for a code, or use one."""
        fields = await read(scope, receive, origin)
        if "user[reset_password_token]" in fields:
            return await self._reset(fields, scope, origin)
        answer = form_page(scope, origin, "forgotten", error="", sent=True)
        answer.background = BackgroundTask(self._sent, fields.get("user[email]", "")[:255], self.visitors.source(scope))
        return answer

    async def _sent(self, name: str, source: str) -> None:
        """A code for who asked for it, once they are answered: what takes longer for an account that there is would
        tell that there is one.
        """
        try:
            found = await queried(self.directory.request_reset, name, self.visitors.clock(), source=source)
            if found is not None and self.deliver is not None and found[0].email is not None:
                await queried(self.deliver, found[0].email, reset_message(*found))
        except (Unavailable, OSError) as error:
            _log.error("no code for a new password could be sent: %s", error)

    async def _reset(self, fields: Fields, scope: Scope, origin: Origin) -> Response:
        code, new = fields["user[reset_password_token]"].strip(), fields.get("user[password]", "")
        source, now = self.visitors.source(scope), self.visitors.clock()
        try:
            with self.visitors.passwords.taken(self.visitors.client(scope).key):
                await hashed(self.directory.reset_password, code, new, now, source=source)
        except UnknownCredentials:
            return form_page(scope, origin, "reset", 422, error="This code does not work, or not any more.")
        except WeakPassword as weak:
            return form_page(scope, origin, "reset", 422, error=weak.remedy)
        except AccountBlocked as blocked:
            return form_page(scope, origin, "reset", 403, error=blocked.message)
        return form_page(
            scope, origin, "sign_in", error="", login="", note="Your password is changed. Sign in with it."
        )


def _no_such_method() -> Response:
    return Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
