"""``/.well-known/oauth-authorization-server``: what an application has to know, for programs to read (RFC 8414)."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse

from stockade.directory import Scope
from stockade.directory.pkce import METHOD
from stockade.gateway.oauth.tokens import REVOKE, TOKEN
from stockade.gateway.onward import AUTHORIZE
from stockade.gateway.origin import Origin, origin_of
from stockade.guard import asgi
from stockade.guard.address import Addresses

METADATA: Final = "/.well-known/oauth-authorization-server"
WAYS: Final = ["client_secret_basic", "client_secret_post", "none"]
"""How an application shows who it is (RFC 7591, section 2)."""


class Metadata:
    """The document, for whichever name the server is reached by."""

    paths = (METADATA,)

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Serve it."""
        await JSONResponse(document(origin_of(scope, self.addresses)))(scope, receive, send)


def document(issuer: Origin) -> dict[str, Any]:
    """The document of an issuer."""
    return {
        "issuer": str(issuer),
        "authorization_endpoint": f"{issuer}{AUTHORIZE}",
        "token_endpoint": f"{issuer}{TOKEN}",
        "revocation_endpoint": f"{issuer}{REVOKE}",
        "scopes_supported": sorted(Scope),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": WAYS,
        "revocation_endpoint_auth_methods_supported": WAYS,
        "code_challenge_methods_supported": [METHOD],
        "authorization_response_iss_parameter_supported": True,
    }
