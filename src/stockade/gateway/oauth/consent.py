"""``/oauth/authorize``: somebody who is signed in is asked whether an application may act for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from stockade.directory import AccountBlocked, Scope, UnknownCredentials
from stockade.directory.builtin.applications import Application
from stockade.directory.builtin.grants import Consent
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.refusals import ENROL
from stockade.errors import Unavailable
from stockade.gateway.forms import BadForm, form_page, read
from stockade.gateway.identity import Visitors
from stockade.gateway.oauth.asked import Declined, Fields, Misled, client_in, consent_in, fields_of, place_in, sent_back
from stockade.gateway.onward import AUTHORIZE, remember
from stockade.gateway.origin import Origin, origin_of
from stockade.gateway.pages import page
from stockade.gateway.second_step import SIGN_IN
from stockade.gateway.threads import queried
from stockade.guard.asgi import Receive, Send
from stockade.guard.asgi import Scope as Asgi

MEANINGS: Final = {
    Scope.API: ("Everything you may do", "in every project of yours: read, change and delete."),
    Scope.READ_REPOSITORY: ("Read repositories", "clone and fetch whatever you may read."),
    Scope.WRITE_REPOSITORY: ("Write to repositories", "push wherever you may push."),
    Scope.READ_REGISTRY: ("Pull container images", "whatever you may pull."),
    Scope.WRITE_REGISTRY: ("Push container images", "wherever you may push."),
}
"""What each scope lets an application do, in words for who is asked."""
NO_STORE: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
DECISION, AS = "decision", "as"


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked, for what, and in which request."""

    scope: Asgi
    origin: Origin
    fields: Fields
    who: SignedIn
    consent: Consent


class Authorize:
    """The page, and what was decided on it."""

    paths = (AUTHORIZE,)

    def __init__(self, visitors: Visitors) -> None:
        self.visitors, self.directory = visitors, visitors.directory

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Serve the page; whatever nobody can be sent back with is told on a page of its own."""
        origin = origin_of(scope, self.visitors.guard.addresses)
        try:
            answer = await self._answer(scope, receive, origin)
        except Misled as misled:
            answer = _no_way_on(misled.text)
        except BadForm as bad:
            answer = _no_way_on(bad.text, bad.status)
        except (AccountBlocked, Unavailable) as error:
            answer = _no_way_on(error.message, 503 if isinstance(error, Unavailable) else 403)
        await answer(scope, receive, send)

    async def _answer(self, scope: Asgi, receive: Receive, origin: Origin) -> Response:
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
        try:
            fields = fields_of(scope["query_string"].decode("ascii"))
        except ValueError as error:
            raise Misled("The link that led you here cannot be read.") from error
        application = await self._application(client_in(fields))
        place = place_in(fields, application)
        try:
            consent = consent_in(fields, application, place)
            return await self._asked(scope, receive, origin, fields, consent)
        except Declined as declined:
            told = {"error": declined.error, "error_description": declined.text}
            return _leaving(sent_back(application.redirect, str(origin), fields, **told))

    async def _application(self, client: str) -> Application:
        try:
            return await queried(self.directory.application, client, self.visitors.clock())
        except (UnknownCredentials, AccountBlocked) as error:
            raise Misled("The application that sent you here is not known, or not in use any more.") from error

    async def _asked(self, scope: Asgi, receive: Receive, origin: Origin, fields: Fields, consent: Consent) -> Response:
        who = await self.visitors.signed_in(scope)
        if who is None or who.factor_missing:
            return remember(RedirectResponse(SIGN_IN, 303, NO_STORE), scope, origin)
        if who.overdue(self.visitors.clock()):
            return remember(RedirectResponse(ENROL, 303, NO_STORE), scope, origin)
        question = Question(scope, origin, fields, who, consent)
        if scope["method"] == "POST":
            return await self._decided(question, receive)
        if consent.application.trusted:
            return _sent_on(consent.application, await self._agreed(question))
        return _page(question)

    async def _decided(self, question: Question, receive: Receive) -> Response:
        """What was decided, by the account that the page was shown to and no other."""
        posted = await read(question.scope, receive, question.origin)
        if posted.get(AS) != question.who.account.name:
            return _page(question, error="Somebody else has signed in meanwhile. Is it you?")
        if posted.get(DECISION) == "allow":
            return _leaving(await self._agreed(question))
        source, application = self.visitors.source(question.scope), question.consent.application
        await queried(self.directory.refuse_application, question.who, application, source=source)
        raise Declined("access_denied", "The person said no.")

    async def _agreed(self, question: Question) -> str:
        """Where to go with the code."""
        now, source = self.visitors.clock(), self.visitors.source(question.scope)
        try:
            code = await queried(self.directory.consent, question.who, question.consent, now, source=source)
        except UnknownCredentials as over:
            raise Misled("You have been signed out meanwhile. Please go back and begin anew.") from over
        return sent_back(
            question.consent.application.redirect, str(question.origin), question.fields, code=str.__str__(code)
        )


def _page(question: Question, *, error: str = "") -> Response:
    scope, consent = question.scope, question.consent
    everything = Scope.API in consent.scopes
    asked = [Scope.API] if everything else [each for each in MEANINGS if each in consent.scopes]
    parts = urlsplit(consent.application.redirect)
    return form_page(
        scope,
        question.origin,
        "consent",
        409 if error else 200,
        leads_to=f"{parts.scheme}://{parts.netloc}",
        application=consent.application.known,
        back_to=parts.netloc,
        account=question.who.account,
        meanings=[MEANINGS[each] for each in asked],
        everything=everything,
        action=f"{AUTHORIZE}?{scope['query_string'].decode('ascii')}",
        error=error,
    )


def _leaving(place: str) -> Response:
    """Away from here; 303, so that nothing that was posted is posted again (RFC 9700, section 4.12)."""
    return RedirectResponse(place, 303, NO_STORE)


def _sent_on(application: Application, place: str) -> Response:
    """The same for who was not asked: browsers do not let a sign-in form end on another site, and this is where that
    chain is cut.
    """
    answer = page("sent_on", application=application.known, place=place)
    answer.headers["refresh"] = f"0; url={place}"
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


def _no_way_on(text: str, status: int = 400) -> Response:
    return page("no_way_on", status, text=text)
