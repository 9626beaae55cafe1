"""The configuration to paste into a proxy that already stands in front, so that it asks Stockade about each request.

What the forward-auth endpoints are asked, and answer (the contract that these configurations rely on):

* ``GET /forward-auth/nginx`` is asked with ``X-Original-Method``, ``X-Original-URI``, ``X-Real-IP`` and
  ``X-Forwarded-For``, ``-Host``, ``-Proto``. It answers 200, 403 for a ban or 429 for a throttle. nginx drops the
  bodies of refusals: one line in ``Stockade-Text`` is told to the client instead.
* ``GET /forward-auth/caddy`` and ``GET /forward-auth/traefik`` are asked with ``X-Forwarded-Method``, ``-Uri``,
  ``-For``, ``-Host``, ``-Proto``. They answer 200, or what the client is to get: status, headers and body.

``RateLimit`` and ``RateLimit-Policy`` of a 200 reach the client through nginx and Caddy; ``Retry-After`` of a refusal
through all three. The client's own headers, ``Authorization`` among them, come with the question; its body does not.
HAProxy asks nobody before a request, so there the traffic passes through ``stockade serve --upstream``.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, get_args

from stockade.errors import ConfigurationError

Kind = Literal["nginx", "caddy", "traefik", "haproxy"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_TEMPLATES: dict[Kind, str] = {
    "nginx": "nginx.conf",
    "caddy": "Caddyfile",
    "traefik": "traefik.yml",
    "haproxy": "haproxy.cfg",
}
_ADDRESS = re.compile(r"(?:(https?)://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class _Address:
    scheme: str
    host: str
    port: str

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def render(kind: str, *, gateway: str, upstream: str, site: str) -> str:
    """The configuration of a proxy of this ``kind`` (one of :data:`KINDS`).

    ``gateway`` is where Stockade listens and ``upstream`` where the application does, both ``host:port``; ``site`` is
    what clients ask for: a host name, with a scheme and a port where they are not the usual ones. Raises
    ConfigurationError when one of them is something else.
    """
    if kind not in KINDS:
        nearest = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.4)
        meant = f"Did you mean {nearest[0]}? " if nearest else ""
        raise ConfigurationError(f"there is no configuration for {kind!r}", remedy=f"{meant}Known: {', '.join(KINDS)}.")
    ours, theirs, public = _service("gateway", gateway), _service("upstream", upstream), _address("site", site)
    values = {
        "<gateway>": ours.netloc,
        "<upstream>": theirs.netloc,
        "<site>": f"{public.scheme}://{public.netloc}" if public.scheme else public.netloc,
        "<host>": public.host,
        "<port>": public.port or "80",
        "<proxy>": _seen_from(ours.host),
    }
    text = files(__package__).joinpath(_TEMPLATES[kind]).read_text(encoding="utf-8")
    return re.sub(r"<[a-z]+>", lambda placeholder: values[placeholder.group()], text)


def _service(what: str, text: str) -> _Address:
    """The proxy reaches Stockade and the application over plain HTTP, on this machine or a private network."""
    address = _address(what, text)
    if not address.port or address.scheme == "https":
        raise ConfigurationError(f"the {what} {text!r} is not host:port", remedy="Write it as in 127.0.0.1:8080.")
    return address


def _address(what: str, text: str) -> _Address:
    match = _ADDRESS.fullmatch(text)
    if not match or int(match[3] or 0) > 65535:
        raise ConfigurationError(f"the {what} {text!r} is not an address", remedy="Write it as in git.example.org:80.")
    return _Address(match[1] or "", match[2], match[3] or "")


def _seen_from(gateway: str) -> str:
    """What to declare as trusted proxy: whoever asks over loopback comes from loopback."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if gateway == "localhost" else gateway.strip("[]"))
    except ValueError:
        return "the address of this proxy"
    return str(address) if address.is_loopback else "the address of this proxy"
