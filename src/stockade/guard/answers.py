"""What a refused client is told, and what headers every client gets: decisions become HTTP.

The fields ``RateLimit`` and ``RateLimit-Policy`` are those of draft-ietf-httpapi-ratelimit-headers-10, the problem
types those it registers, ``Retry-After`` is RFC 9110 section 10.2.3, and 429 is RFC 6585 section 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from time import gmtime, strftime
from typing import Final, Literal

from stockade.guard.decision import Decision, Verdict
from stockade.guard.fields import Fields, Forms

HeaderStyle = Literal["draft-10", "gitlab", "none"]
Told = Literal["always", "near"]
PROBLEM: Final = "https://iana.org/assignments/http-problem-types"


@dataclass(frozen=True, slots=True)
class Text:
    """One refusal in words: a status, a plain text, and the problem type and title for who asks for JSON (RFC 9457)."""

    status: int
    text: str
    title: str
    type: str = "about:blank"


TEXTS: Final[Mapping[Verdict, Text]] = {
    "throttle": Text(429, "Retry later", "Too many requests", f"{PROBLEM}#quota-exceeded"),
    "ban": Text(
        403, "Too many failed attempts from this client", "Banned for a while", f"{PROBLEM}#abnormal-usage-detected"
    ),
    "fail2ban": Text(403, "Forbidden", "Forbidden"),
    "blocklist": Text(403, "Forbidden", "Forbidden"),
    "unjudged": Text(
        503, "Temporarily unavailable", "The service cannot judge requests now", f"{PROBLEM}#temporary-reduced-capacity"
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response to a refused request; headers are in order, names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


ASTRAY: Final = Answer(
    400, (("content-type", "text/plain; charset=utf-8"), ("content-length", "29")), b"This path leads out of here.\n"
)
"""The response to a path that goes up and out of where an application is mounted."""


@dataclass(frozen=True)
class Answers:
    """How to say it: every text and status can be changed, and the headers be those of the IETF draft, of GitLab, or
    none. The draft's are told with every answer, or with those of clients that are ``near`` a limit: that have used
    more than half of one. A refused client is always told.
    """

    texts: Mapping[Verdict, Text] = field(default_factory=lambda: TEXTS)
    headers: HeaderStyle = "draft-10"
    told: Told = "near"
    forms: Forms = field(default_factory=Forms, init=False, repr=False, compare=False)

    def refusal(self, decision: Decision, now: float, accept: str = "") -> Answer:
        """The response to a refused request. ``now`` is in seconds, ``accept`` the request's Accept header."""
        text = self.texts.get(decision.kind) or TEXTS[decision.kind]
        wait = ceil(decision.wait) if decision.kind == "throttle" else 0
        wants_json = "application/problem+json" in accept or "application/json" in accept
        body, kind = (
            (_problem(text, decision, wait), "application/problem+json")
            if wants_json
            else (f"{text.text}\n".encode(), "text/plain; charset=utf-8")
        )
        headers = [("content-type", kind), ("content-length", str(len(body))), ("cache-control", "no-store")]
        if wait:
            headers.append(("retry-after", str(wait)))
        headers.extend(self.quota_headers(decision, now))
        return Answer(text.status, tuple(headers), body)

    def quota_headers(self, decision: Decision, now: float) -> list[tuple[str, str]]:
        """The rate-limit fields of any response; none for a ban, which is nobody's quota."""
        return [(name.decode(), value.decode()) for name, value in self.quota_fields(decision, now)]

    def quota_fields(self, decision: Decision, now: float) -> Fields:
        """The same in bytes, as they go over the wire."""
        if self.headers == "none" or (decision.kind != "pass" and decision.kind != "throttle"):  # noqa: PLR1714  a set is slower
            return ()
        if self.headers != "draft-10":
            return _gitlab(decision, now)
        return () if decision.allowed and not self.tells(decision) else self.forms.fields(decision)

    def tells(self, decision: Decision) -> bool:
        """Will the answer to a request that passes say how its quotas stand?"""
        return self.headers == "draft-10" and (self.told == "always" or self.forms.near(decision))


def _problem(text: Text, decision: Decision, wait: int) -> bytes:
    problem: dict[str, object] = {"type": text.type, "title": text.title, "status": text.status, "detail": text.text}
    if decision.kind == "throttle" and decision.rule is not None:
        violated = [n.rule for n in decision.notes if n.kind == "throttle" and not n.shadow]
        problem |= {"violated-policies": violated, "retry-after": wait}
    return json.dumps(problem, ensure_ascii=False).encode() + b"\n"


def _gitlab(decision: Decision, now: float) -> Fields:
    """GitLab's own fields, of the throttle that refused: the limit by the minute, the rest as counted."""
    if decision.kind != "throttle" or decision.rule is None:
        return ()
    quota = next(q for q in decision.quotas if q.name == decision.rule.name)
    reset = int(now + ceil(decision.wait))
    values = {
        "name": quota.name,
        "limit": ceil(quota.limit * 60 / quota.period),
        "observed": int(quota.used),
        "remaining": int(quota.remaining),
        "reset": reset,
        "resettime": strftime("%a, %d %b %Y %H:%M:%S GMT", gmtime(reset)),
    }
    return [(f"ratelimit-{name}".encode(), str(value).encode("ascii", "replace")) for name, value in values.items()]
