"""Forms as browsers post them, read within bounds, and only from our own pages.

A form holds what the cookie beside it holds (double submit), and comes from our own origin where the browser says so.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.responses import Response

from stockade.gateway.cookies import FORM, cookie_in, give
from stockade.gateway.origin import Origin
from stockade.gateway.pages import page
from stockade.guard.asgi import Headers, Receive, Scope

LONGEST: Final = 64 * 1024
FIELDS: Final = 20
KIND: Final = "application/x-www-form-urlencoded"
TOKEN: Final = "authenticity_token"  # noqa: S105  a field's name


class BadForm(Exception):
    """No form that we have given out; ``status`` and ``text`` are for the client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def token_of(scope: Scope, origin: Origin) -> str:
    """What forms for this browser have to hold: what its cookie says, or something new."""
    kept = cookie_in(Headers(scope["headers"]).get("cookie") or "", FORM, secure=origin.secure)
    return kept or secrets.token_urlsafe(24)


def form_page(
    scope: Scope,
    origin: Origin,
    name: str,
    status: int = 200,
    /,
    *,
    scripted: bool = False,
    leads_to: str = "",
    **values: object,
) -> Response:
    """A page with a form, and the cookie that goes with it."""
    token = token_of(scope, origin)
    told = {"token": token, "token_field": TOKEN, "host": origin.host, "note": "", **values}
    answer = page(name, status, scripted=scripted, leads_to=leads_to, **told)
    give(answer, FORM, token, origin)
    return answer


async def read(scope: Scope, receive: Receive, origin: Origin) -> Mapping[str, str]:
    """The fields of a posted form; raises BadForm."""
    header = Headers(scope["headers"]).get
    if header("origin") not in {None, str(origin)} or header("sec-fetch-site") in {"cross-site", "same-site"}:
        raise BadForm(403, "This form was sent from another site.")
    fields = _fields(await posted(scope, receive))
    cookie = cookie_in(header("cookie") or "", FORM, secure=origin.secure)
    if not cookie or not hmac.compare_digest(cookie.encode(), fields.get(TOKEN, "").encode()):
        raise BadForm(403, "This form was too old, or cookies are switched off. Please try again.")
    return fields


async def posted(scope: Scope, receive: Receive) -> str:
    """A posted form as text, whoever sent it; raises BadForm."""
    kind = Headers(scope["headers"]).get("content-type") or ""
    if kind.partition(";")[0].strip().lower() != KIND:
        raise BadForm(415, "This page takes forms only.")
    try:
        return (await _body(receive)).decode()
    except UnicodeDecodeError as error:
        raise BadForm(400, "This is no form.") from error


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        body += message.get("body", b"")
        if len(body) > LONGEST:
            raise BadForm(413, "This form is too long.")
    return body


def _fields(body: str) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS))
    except ValueError as error:
        raise BadForm(400, "This is no form.") from error
