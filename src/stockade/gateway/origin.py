"""Under which scheme and host a client sees us: what its Host says, or what a declared proxy says of it."""

from __future__ import annotations

from dataclasses import dataclass

from stockade.guard.address import Addresses
from stockade.guard.asgi import Headers, Scope


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme and an authority (RFC 6454), as in ``https://git.example.org``."""

    scheme: str
    host: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def secure(self) -> bool:
        """Is it reached over TLS?"""
        return self.scheme == "https"


def origin_of(scope: Scope, addresses: Addresses) -> Origin:
    """The origin that the client asked for. Nothing is believed of X-Forwarded-* unless a declared proxy says it."""
    header = Headers(scope["headers"]).get
    scheme, host = str(scope.get("scheme") or "http"), header("host") or ""
    if scope.get("client") and scope["client"][0] in addresses.trusted:
        scheme = _last(header("x-forwarded-proto")) or scheme
        host = _last(header("x-forwarded-host")) or host
    return Origin("https" if scheme in {"https", "wss"} else "http", host)


def _last(value: str | None) -> str:
    """What the nearest proxy said."""
    return (value or "").rpartition(",")[2].strip()
