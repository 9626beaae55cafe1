"""Our cookies: their names, how they are read, set and taken back (RFC 6265bis)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from stockade.gateway.origin import Origin

SESSION: Final = ("__Host-stockade_session", "stockade_session")
FORM: Final = ("__Host-stockade_form", "stockade_form")
"""Each cookie's names, over HTTPS and without; the first can be set by this very host only."""
LONGEST: Final = 4096


def cookie_in(header: str, names: tuple[str, str], *, secure: bool) -> str | None:
    """The value of one of these cookies in a Cookie header; of two with one name, the first. Over HTTPS only the name
    that no neighbouring host can set counts, lest one sign a visitor in as somebody of its choice.
    """
    pairs = [pair.strip().partition("=")[::2] for pair in header[:LONGEST].split(";")]
    found = dict(reversed(pairs))
    return next((found[name] for name in names[: 1 if secure else 2] if found.get(name)), None)


def give(answer: Response, names: tuple[str, str], value: str, origin: Origin, *, seconds: int | None = None) -> None:
    """Set a cookie for this host, which no script can read, for this browser session or for so many seconds."""
    name = names[0] if origin.secure else names[1]
    answer.set_cookie(name, value, seconds, path="/", secure=origin.secure, httponly=True, samesite="lax")


def take_back(answer: Response, names: tuple[str, str]) -> None:
    """Have the browser forget a cookie, under both its names."""
    for name in names:
        answer.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax")
