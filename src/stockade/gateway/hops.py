"""What of a message's header passes from one hop to the next, and what is said of the hops before (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final

Lines = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authenticate "
    b"proxy-authorization".split()
)
"""Fields for the next hop alone (RFC 9110, section 7.6.1), and those that people take for such."""
FRAMING: Final = frozenset({b"host", b"content-length", b"cache-control", b"set-cookie"})
"""Fields that no Connection may take away."""
SAID_BY_PROXIES: Final = frozenset({b"forwarded", b"x-real-ip"})
HANDSHAKE: Final = b"sec-websocket-"


def passed_on(lines: Iterable[tuple[bytes, bytes]]) -> Lines:
    """The header lines that are meant for the other end."""
    kept = [(name.lower(), value) for name, value in lines]
    named = {word.strip().lower() for name, value in kept if name == b"connection" for word in value.split(b",")}
    dropped = (named - FRAMING) | HOP_BY_HOP
    return [(name, value) for name, value in kept if name not in dropped]


def inward(lines: Lines, *, peer: str, client: str, scheme: str, trusted: bool) -> Lines:
    """The header of a request on its way to an upstream.

    What the peer says of clients before it is kept, and added to, only when it is a declared proxy. Names with an
    underscore are dropped, since CGI and WSGI cannot tell them from those with a hyphen. Expect is ours to answer.
    """
    kept = [line for line in passed_on(lines) if b"_" not in line[0] and line[0] != b"expect"]
    said = {name: value for name, value in kept if _by_proxies(name)} if trusted else {}
    host = next((value for name, value in kept if name == b"host"), b"")
    chain = b", ".join(value for name, value in kept if name == b"x-forwarded-for") if trusted else b""
    forwarded = b", ".join(value for name, value in kept if name == b"forwarded") if trusted else b""
    kept = [line for line in kept if not _by_proxies(line[0]) and line[0] != b"via"]
    via = [value for name, value in lines if name == b"via"]
    return [
        *kept,
        (b"x-forwarded-for", _after(chain, peer.encode())),
        (b"x-forwarded-proto", said.get(b"x-forwarded-proto", scheme.encode())),
        (b"x-forwarded-host", said.get(b"x-forwarded-host", host)),
        (b"x-real-ip", client.encode()),
        (b"forwarded", _after(forwarded, element(peer, host.decode("latin-1"), scheme).encode("latin-1"))),
        (b"via", b", ".join([*via, b"1.1 stockade"])),
    ]


def element(peer: str, host: str, scheme: str) -> str:
    """One element of Forwarded (RFC 7239, section 4): for whom, asking for which host, how."""
    return f'for={_node(peer)};host="{host}";proto={scheme}' if host else f"for={_node(peer)};proto={scheme}"


def _node(address: str) -> str:
    """A node (RFC 7239, section 6): IPv6 in brackets and quotes, what is no address ``unknown``."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    return f'"[{parsed}]"' if isinstance(parsed, IPv6Address) else str(parsed)


def _after(chain: bytes, latest: bytes) -> bytes:
    return chain + b", " + latest if chain else latest


def _by_proxies(name: bytes) -> bool:
    return name in SAID_BY_PROXIES or name.startswith(b"x-forwarded-")
