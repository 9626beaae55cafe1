"""A security.txt as a site serves it: fetched within bounds, judged with how it was served (RFC 9116 section 3)."""

from __future__ import annotations

import ipaddress
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from stockade.errors import ConfigurationError, Unavailable
from stockade.gateway.securitytxt.document import PATH
from stockade.gateway.securitytxt.problem import Problem, error, notice, quoted
from stockade.gateway.securitytxt.rules import check

LEGACY_PATH = "/security.txt"
MAX_OCTETS = 64 * 1024  # generous: a real file has less than two thousand
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PLACE = f"Serve it at {PATH}, with https."


@dataclass(frozen=True, slots=True)
class Served:
    """What a site answered: the addresses walked through, the file, and its ``Content-Type``."""

    chain: tuple[str, ...]
    content: bytes
    content_type: str | None


class _Spoiled(Exception):
    """The site answered, but not with a file that may be read; carries the Problem."""


def check_url(url: str, *, now: datetime, timeout: float = 10, tls: ssl.SSLContext | None = None) -> list[Problem]:
    """Everything wrong with the file at ``url``, which may also be a site (``example.org``), and with how it is served.

    ``timeout`` is in seconds, for the whole of each attempt. Raises ConfigurationError when ``url`` must not be asked,
    and Unavailable when the site does not answer at all.
    """
    try:
        served = _first_served(_places(url), timeout, tls)
    except _Spoiled as spoiled:
        return [spoiled.args[0]]
    return [*served_problems(served), *check(served.content, url=served.chain, now=now)]


def _places(url: str) -> tuple[str, ...]:
    """Where to look: the very file when its path is given, else the two places of RFC 9116 section 3."""
    parts = _address(url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"{quoted(url)} is not protected by TLS, so what it answers proves nothing",
            remedy="Write ‘https://’; plain http is for trying a site on this machine.",
        )
    if parts.path not in {"", "/"}:
        return (urlunsplit(parts),)
    return tuple(urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in (PATH, LEGACY_PATH))


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if not parts.hostname or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise ConfigurationError("this is not the address of a site", remedy="Write ‘https://example.org’.")
    return parts


def _first_served(places: tuple[str, ...], timeout: float, tls: ssl.SSLContext | None) -> Served:
    for place in places:
        if served := _fetch(place, timeout, tls):
            return served
    raise _Spoiled(error(None, "no_security_txt", f"There is no file at {quoted(places[0])}.", _PLACE))


def _fetch(url: str, timeout: float, tls: ssl.SSLContext | None) -> Served | None:
    """The file at ``url`` or where it leads; None where the site says that there is none."""
    chain, deadline = [url], time.monotonic() + timeout
    while len(chain) <= _MAX_REDIRECTS + 1:
        with _open(chain[-1], timeout, tls) as answer:
            if answer.status == 200:
                return Served(tuple(chain), _bounded(answer, deadline), answer.headers.get("Content-Type"))
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not location:
                return None
        chain.append(_followed(chain[-1], location))
    raise _Spoiled(error(None, "bad_redirect", f"{quoted(url)} redirects again and again.", _PLACE))


def _open(url: str, timeout: float, tls: ssl.SSLContext | None) -> HTTPResponse:
    """Ask one address. The opener knows http and https only: there is no ``file:`` or ``ftp:`` to be led to."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=tls or ssl.create_default_context()))
    request = urllib.request.Request(url, headers={"Accept": "text/plain"})  # noqa: S310 - the opener sees to it
    try:
        return cast("HTTPResponse", opener.open(request, timeout=timeout))
    except (OSError, HTTPException, UnicodeError) as wrong:
        reason = getattr(wrong, "reason", wrong)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise _bad_certificate(reason) from None
        raise _silent(url, reason) from None


def _silent(url: str, reason: object) -> Unavailable:
    return Unavailable(
        f"{quoted(url)} does not answer: {quoted(str(reason))}", remedy="Is the name right, and the site up?"
    )


def _bad_certificate(wrong: ssl.SSLCertVerificationError) -> _Spoiled:
    return _Spoiled(
        error(
            None, "invalid_cert", f"The certificate is not valid: {quoted(wrong.verify_message)}.", "Renew or mend it."
        )
    )


def _bounded(answer: HTTPResponse, deadline: float) -> bytes:
    """The body, however slowly or endlessly it comes."""
    content = b""
    try:
        while chunk := answer.read1(4096):
            content += chunk
            if len(content) > MAX_OCTETS:
                raise _Spoiled(
                    error(None, "too_large", f"The file exceeds {MAX_OCTETS} octets.", "Serve a short file.")
                )
            if time.monotonic() > deadline:
                raise TimeoutError("its answer takes too long")
    except (OSError, HTTPException) as wrong:
        raise _silent(answer.url, wrong) from None
    return content


def _followed(origin: str, location: str) -> str:
    """Where a redirect leads; refused when it leaves TLS, or enters this machine from outside."""
    try:
        target = urljoin(origin, location)
        allowed = _may_follow(urlsplit(origin), urlsplit(target))
    except ValueError:
        target, allowed = location, False
    if not allowed:
        said = f"{quoted(origin)} redirects to {quoted(target)}, which is not followed."
        raise _Spoiled(error(None, "bad_redirect", said, _PLACE))
    return target


def _may_follow(origin: SplitResult, target: SplitResult) -> bool:
    at_home = _is_loopback(origin.hostname or "")
    into_home = _is_loopback(target.hostname or "")
    return (target.scheme == "https" or (target.scheme == "http" and into_home)) and (at_home or not into_home)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def served_problems(served: Served) -> list[Problem]:
    """What is wrong with the way the file was served."""
    return [*_about_address(served.chain), *_about_type(served.content_type)]


def _about_address(chain: tuple[str, ...]) -> Iterator[Problem]:
    first, last = urlsplit(chain[0]), urlsplit(chain[-1])
    if any(urlsplit(url).scheme != "https" for url in chain):
        yield error(None, "invalid_uri_scheme", "The file is served without TLS.", _PLACE)
    if first.path != PATH:
        yield error(None, "location", f"The file is at {quoted(first.path)}.", _PLACE)
    if first.hostname != last.hostname:
        yield notice(
            None,
            "redirected_elsewhere",
            f"The file comes from another site, {quoted(last.netloc)}.",
            "Be sure that both are in the same hands.",
        )


def _about_type(content_type: str | None) -> Iterator[Problem]:
    remedy = "Serve it as ‘text/plain; charset=utf-8’."
    if content_type is None:
        yield error(None, "no_content_type", "The answer has no Content-Type.", remedy)
        return
    header = Message()
    header["Content-Type"] = content_type
    if header.get_content_type() != "text/plain":
        yield error(None, "invalid_media", f"The file is served as {quoted(content_type)}.", remedy)
    if (header.get_content_charset("utf-8")) != "utf-8":
        yield error(None, "invalid_charset", f"The file is served as {quoted(content_type)}.", remedy)
