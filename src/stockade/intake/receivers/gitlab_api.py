"""GitLab's audit events, asked for over its API: windows of at most 30 days, page by page, no faster than it allows.

A window is remembered when all its pages are in the log. Until then they are asked for again, and their events are
known by their ids. The token goes into one header and nowhere else; no answer can send it elsewhere, for redirects and
next pages of another origin are refused.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.intake.arrivals import arrivals
from stockade.intake.formats import reader
from stockade.intake.handover import Arrival, Handover
from stockade.intake.receivers.http import token_in
from stockade.intake.settings import DAY, GitLabApiSource
from stockade.lines.line import Unreadable, json_value
from stockade.lines.stamps import Dating
from stockade.lines.tail import Say

WINDOW: Final = 30 * DAY - 60.0
"""Seconds between the two ends of one question: GitLab refuses more than 30 days."""
PAGE: Final = 100
LARGEST: Final = 32_000_000
"""Octets of an answer that are read at most."""
LONGEST: Final = 3600.0
"""Seconds that GitLab can have us wait at most."""
NEXT: Final = re.compile(r'<([^>]{1,4096})>\s*;[^,]*\brel="?next"?')


class _Here(HTTPRedirectHandler):
    """Follows no redirect: the token would go along."""

    def redirect_request(self, *_: object) -> None:
        """Leave the answer as it is: one that refuses."""


class GitLabApiReceiver:
    """Asks one GitLab. ``wait`` sleeps so many seconds; ``clock`` is in seconds since the epoch.

    Raises ConfigurationError for an address that would carry the token in clear.
    """

    def __init__(
        self,
        source: GitLabApiSource,
        handover: Handover,
        *,
        say: Say,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.source, self.handover = source, handover
        self._say, self._clock, self._wait = say, clock, wait
        self._token = token_in(source.token).decode("ascii", "replace")
        self._url = _checked(source.url)
        context = ssl.create_default_context(cafile=source.authorities)
        self._opener = build_opener(_Here, HTTPSHandler(context=context))
        self._read = reader("gitlab_audit", Dating(clock, UTC))

    def step(self) -> int:
        """Ask for all that is new; answers how many events that were.

        Raises Unavailable when GitLab or the log is, and Refused when GitLab does not accept the token.
        """
        place, now, taken = self.handover.place(self.source.name), self._clock(), 0
        start = json.loads(place)["until"] - self.source.overlap if place else now - self.source.since
        while start < now:
            end = min(start + WINDOW, now)
            for page in self._pages(start, end):
                taken += self._take(page)
            self.handover.take(self.source.name, [], now=self._clock(), place=json.dumps({"until": end}))
            start = end
        return taken

    def _take(self, page: list[Any]) -> int:
        found: list[Arrival] = []
        for each in page:
            octets = json.dumps(each).encode()
            found += arrivals(self._read, octets, id=sha256(octets).hexdigest(), now=self._clock())
        return self.handover.take(self.source.same_as or self.source.name, found, now=self._clock())

    def _pages(self, start: float, end: float) -> Iterator[list[Any]]:
        asked = {
            "created_after": _iso(start),
            "created_before": _iso(end),
            "pagination": "keyset",
            "per_page": str(PAGE),
        }
        below = "" if self.source.of == "instance" else f"{self.source.of}/"
        url: str | None = f"{self._url}/api/v4/{below}audit_events?{urlencode(asked)}"
        while url:
            found, url = self._page(url)
            yield found

    def _page(self, url: str) -> tuple[list[Any], str | None]:
        while True:
            try:
                with self._opener.open(self._request(url), timeout=30.0) as answer:
                    return _listed(answer.read(LARGEST + 1)), self._next(answer.headers.get("Link", ""))
            except HTTPError as error:
                self._refused(error)
            except (URLError, OSError, HTTPException) as error:
                reason = getattr(error, "reason", None) or error
                raise Unavailable(f"GitLab at {self._url} does not answer: {reason}") from None

    def _request(self, url: str) -> Request:
        headers = {"PRIVATE-TOKEN": self._token, "Accept": "application/json", "User-Agent": "stockade-intake"}
        return Request(url, headers=headers)  # noqa: S310  the scheme was looked at

    def _refused(self, error: HTTPError) -> None:
        """Wait where GitLab asks for it; raise what cannot be waited for."""
        with error:
            status, after = error.code, error.headers.get("Retry-After")
        if status == 429 or (status == 503 and after):
            seconds = _seconds(after, self._clock())
            self._say(f"{self.source.name}: GitLab asks to wait {seconds:.0f} s")
            self._wait(seconds)
            return
        if status in {401, 403, 404}:
            raise Refused(
                f"GitLab at {self._url} answers {status} to questions about audit events of {self.source.of}",
                remedy="The token needs the scope read_api, its owner the right to read them, and GitLab a licence "
                "that has them.",
            ) from None
        raise Unavailable(f"GitLab at {self._url} answers {status}") from None

    def _next(self, links: str) -> str | None:
        """The next page (RFC 8288), when it is of the same origin."""
        found = NEXT.search(links)
        if found is None:
            return None
        if urlsplit(found[1])[:2] != urlsplit(self._url)[:2]:
            raise Refused(
                f"GitLab at {self._url} points to a next page elsewhere",
                remedy="Set external_url in its configuration.",
            )
        return found[1]


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise ConfigurationError("url holds more than an address", remedy="The token belongs into a file of its own.")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return url.rstrip("/")
    raise ConfigurationError(f"{url} would send the token in clear", remedy="Use https.")


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _listed(octets: bytes) -> list[Any]:
    if len(octets) > LARGEST:
        raise Unavailable("GitLab's answer is too long to be a page of audit events")
    try:
        found = json_value(octets)
    except Unreadable as error:
        raise Unavailable(f"GitLab's answer cannot be read: {error}") from None
    if not isinstance(found, list):
        raise Unavailable("GitLab's answer is no list")
    return found


def _seconds(after: str | None, now: float) -> float:
    """``Retry-After`` (RFC 9110, section 10.2.3): seconds or a date; a minute when it says neither."""
    try:
        said = (after or "").strip()
        found = float(said) if said.isdecimal() else parsedate_to_datetime(said).timestamp() - now
    except (ValueError, TypeError):
        found = 60.0
    return min(max(found, 1.0), LONGEST)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
