"""The head of a request, judged: what two servers might read differently is refused (RFC 9112, sections 3, 5 and 6).

llhttp, the parser that Node.js uses, has refused bare LF, folded lines, blanks before a colon, control characters,
Content-Length beside Transfer-Encoding and two Content-Lengths before this is asked. This is about what it lets pass:
other codings than ``chunked``, a missing or second Host, foreign authorities, fragments, unusual methods and versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final

METHODS: Final = frozenset(
    b"GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH".split()
)
"""RFC 9110 without CONNECT and TRACE, PATCH (RFC 5789), and WebDAV (RFC 4918, 3253, 5323)."""
LONGEST: Final = 32 * 1024
"""Bytes that a request line and its header lines may have together."""
LINES: Final = 100
TARGET: Final = 8 * 1024
"""Bytes of a request target; RFC 9112 section 3 asks for at least 8000."""
ONCE: Final = (b"host", b"content-length", b"transfer-encoding", b"authorization", b"upgrade", b"expect")

KEPT: Final = 256
"""Bytes of the longest host or target that is looked at but once; what clients make up must not fill the memory."""
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])?(?::\d{0,5})?")
_ORIGIN_FORM: Final = re.compile(rb"/[!-\"$-~]*")
_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#]*)[/?][!-\"$-~]*", re.IGNORECASE)

Headers = Sequence[tuple[bytes, bytes]]


class BadRequest(Exception):
    """The request cannot be read in one way only; ``text`` and ``status`` are for the client."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.text, self.status = text, status


def check(method: bytes, target: bytes, version: str, headers: Headers) -> dict[bytes, bytes]:
    """Raise BadRequest unless this head means one thing to everybody; answer its fields. Names are in lower case."""
    fields = dict(headers)
    host = fields.get(b"host")
    if method not in METHODS:
        raise BadRequest("This method is not served.")
    if version != "1.1":
        _check_version(version, fields)
    elif host is None:
        raise BadRequest("A request needs a Host.")
    if host is not None and not (_is_host(host) if len(host) <= KEPT else _HOST.fullmatch(host)):
        raise BadRequest("This Host is no host.")
    if len(fields) != len(headers):
        _check_repeated([name for name, _ in headers])
    if b"transfer-encoding" in fields and fields[b"transfer-encoding"].lower() != b"chunked":
        raise BadRequest("The only transfer coding served is chunked.")
    if b"upgrade" in fields:
        _check_upgrade(fields)
    if not (_is_origin_form(target) if len(target) <= KEPT else _ORIGIN_FORM.fullmatch(target)):
        _check_target(target, host)
    if len(headers) > LINES:
        raise BadRequest("The head of this request has too many lines.")
    return fields


@lru_cache(maxsize=1024)
def _is_host(text: bytes) -> bool:
    return _HOST.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _is_origin_form(target: bytes) -> bool:
    return _ORIGIN_FORM.fullmatch(target) is not None


def check_length(target: bytes, headers: Headers) -> None:
    """Raise BadRequest for a head that is too long, whatever it says."""
    if sum([len(name) + len(value) for name, value in headers]) + 4 * len(headers) + len(target) > LONGEST:
        raise BadRequest("The head of this request is too long.")


def _check_version(version: str, fields: dict[bytes, bytes]) -> None:
    if version != "1.0":
        raise BadRequest("This server speaks HTTP/1.1.", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if b"transfer-encoding" in fields:
        raise BadRequest("HTTP/1.0 knows no transfer codings.")


def _check_repeated(names: list[bytes]) -> None:
    for name in ONCE:
        if names.count(name) > 1:
            raise BadRequest(f"There are two lines named {name.decode().title()}.")


def _check_upgrade(fields: dict[bytes, bytes]) -> None:
    """The parser takes what follows for the other protocol's, whatever length was announced."""
    if fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields:
        raise BadRequest("A request that asks for an upgrade has no body here.")


def _check_target(target: bytes, host: bytes | None) -> None:
    """Only the origin form, or the absolute form of this very host, which is what proxies are sent."""
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None or host is None or absolute[1].lower() != host.lower():
        raise BadRequest("This target is not one of this server's.")
