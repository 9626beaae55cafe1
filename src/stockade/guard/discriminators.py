"""Whom a rule counts: from a request to the key that its counters live under, or None when the rule does not apply."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from stockade.errors import ConfigurationError
from stockade.guard.request import Request

Key = Callable[[Request], str | None]
By = str | Key | Sequence["str | Key"]
MAX_KEY: Final = 200


def by_address(request: Request) -> str | None:
    """The client's address, or its prefix for IPv6."""
    return request.client.key


def by_user(request: Request) -> str | None:
    """The account that the request proves to be."""
    return bounded("user", request.user) if request.user else None


def by_token(request: Request) -> str | None:
    """The token used, by its public name."""
    return bounded("token", request.token) if request.token else None


def by_identity(request: Request) -> str | None:
    """The account or else the token, as GitLab counts signed-in requests."""
    return by_user(request) or by_token(request)


def by_login(request: Request) -> str | None:
    """The name claimed in HTTP Basic credentials, proven or not."""
    return folded("login", request.login)


def by_everyone(_request: Request) -> str:
    """One counter for all."""
    return "everyone"


NAMED: Final[dict[str, Key]] = {
    "address": by_address,
    "user": by_user,
    "token": by_token,
    "identity": by_identity,
    "login": by_login,
    "everyone": by_everyone,
}


def key_of(by: By) -> Key:
    """The discriminator that ``by`` names: a word, ``header:NAME``, ``query:NAME``, a callable, or several of them
    together.
    """
    if isinstance(by, str):
        return _named(by)
    if callable(by):
        return by if by in NAMED.values() else _called(by)
    keys = [key_of(each) for each in by]
    if len(keys) == 1:
        return keys[0]
    return _together(keys)


def _named(by: str) -> Key:
    kind, colon, name = by.partition(":")
    if not colon and kind in NAMED:
        return NAMED[kind]
    if name and kind == "header":
        return lambda request: folded(f"header:{name}", request.header(name.lower()))
    if name and kind == "query":
        return lambda request: folded(f"query:{name}", _only(request.parameters(name), request))
    raise ConfigurationError(
        f"cannot count by {by!r}",
        remedy=f"Write one of {', '.join(NAMED)}, header:NAME or query:NAME, or pass a callable.",
    )


def _only(values: Sequence[str], request: Request) -> str | None:
    """The value of a parameter. Who gives several is counted by address: applications take the first or the last, and
    the other could be anything, another one each time.
    """
    if len(values) < 2 or len(set(values)) == 1:
        return values[0] if values else None
    return f"several from {request.client.key}"


def _called(function: Callable[[Request], object]) -> Key:
    name = getattr(function, "__name__", "callable").strip("<>")

    def key(request: Request) -> str | None:
        value = function(request)
        return None if value is None or value is False else folded(name, str(value))

    return key


def _together(keys: Sequence[Key]) -> Key:
    def key(request: Request) -> str | None:
        parts = [k(request) for k in keys]
        return None if None in parts else bounded("both", "\x1f".join(p for p in parts if p))

    return key


def folded(kind: str, value: str | None) -> str | None:
    """A key for a value that the client chose: variants of case, width and space count as one (NFKC and case folding
    until stable). The folded value is never used for anything but counting.
    """
    if value is None:
        return None
    before, text = None, value[:4096]
    while text != before:
        before, text = text, unicodedata.normalize("NFKC", text).casefold().strip(" \t\r\n\f\v\x00\xa0")
    return bounded(kind, text)


def bounded(kind: str, value: str) -> str:
    """``kind:value``, the value replaced by a digest when it is long or could not be read in a terminal."""
    if len(value) > MAX_KEY or not value.isprintable() or "{" in value or "}" in value:
        value = "blake2b-" + blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{kind}:{value}"
