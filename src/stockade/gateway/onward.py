"""Where a browser wanted to go before it had to sign in: kept in a cookie of ours, and only for the page that asks
whether an application may act for somebody.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from starlette.responses import RedirectResponse, Response

from stockade.gateway.cookies import cookie_in, give, take_back
from stockade.gateway.origin import Origin
from stockade.guard.asgi import Headers, Scope

AUTHORIZE: Final = "/oauth/authorize"
ONWARD: Final = ("__Host-stockade_onward", "stockade_onward")
SECONDS: Final = 600
LONGEST: Final = 3000
"""Bytes of the cookie; who asks for more begins anew once they have signed in."""
_QUERY: Final = re.compile(r"[!-\[\]-~]*")  # no blank, no backslash


def remember(answer: Response, scope: Scope, origin: Origin) -> Response:
    """Have the browser come back to what it asked for."""
    kept = base64.urlsafe_b64encode(scope["query_string"]).decode()
    if len(kept) <= LONGEST:
        give(answer, ONWARD, kept, origin, seconds=SECONDS)
    return answer


def sent_on(scope: Scope, origin: Origin) -> Response:
    """To where it wanted to go; home, when it wanted nothing."""
    query = _kept(scope, origin)
    answer = RedirectResponse("/" if query is None else f"{AUTHORIZE}?{query}", 303, {"cache-control": "no-store"})
    if query is not None:
        take_back(answer, ONWARD)
    return answer


def _kept(scope: Scope, origin: Origin) -> str | None:
    kept = cookie_in(Headers(scope["headers"]).get("cookie") or "", ONWARD, secure=origin.secure)
    try:
        query = base64.urlsafe_b64decode(kept).decode("ascii") if kept else ""
    except (binascii.Error, ValueError):
        return None
    return query if query and _QUERY.fullmatch(query) else None
