"""What a rule applies to: small questions about a request, combined with ``&``, ``|`` and ``~``.

A condition about the answer's ``status`` cannot be known on the way in. Such a condition is *possible* there when the
rest of it holds, and is judged on the way out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from stockade.errors import ConfigurationError
from stockade.guard.networks import Networks
from stockade.guard.paths import REMEMBERED
from stockade.guard.request import Request

Test = Callable[[Request], object]


class Condition:
    """A named question. ``test`` answers it; ``possible`` answers it as long as the status is unknown.

    ``by_line`` says that the client's address, the method and the path are all it looks at: two requests alike in
    these have one answer.
    """

    __slots__ = ("by_line", "on_answer", "possible", "test", "text")

    def __init__(self, test: Test, text: str, *, possible: Test | None = None, by_line: bool = False) -> None:
        self.test = test
        self.text = text
        self.by_line = by_line
        self.on_answer = possible is not None
        self.possible: Test = possible or test

    def __call__(self, request: Request) -> bool:
        return bool(self.test(request))

    def __and__(self, other: Condition) -> Condition:
        return _combine(self, other, "&", _both)

    def __or__(self, other: Condition) -> Condition:
        return _combine(self, other, "|", _either)

    def __invert__(self) -> Condition:
        inner = self.test
        possible = _always if self.on_answer else None
        return Condition(lambda request: not inner(request), f"~{self.text}", possible=possible, by_line=self.by_line)

    def __repr__(self) -> str:
        return self.text


def _combine(one: Condition, other: Condition, sign: str, how: Callable[[Test, Test], Test]) -> Condition:
    other = as_condition(other)
    possible = how(one.possible, other.possible) if one.on_answer or other.on_answer else None
    by_line = one.by_line and other.by_line
    return Condition(how(one.test, other.test), f"({one.text} {sign} {other.text})", possible=possible, by_line=by_line)


def _both(one: Test, other: Test) -> Test:
    return lambda request: one(request) and other(request)


def _either(one: Test, other: Test) -> Test:
    return lambda request: one(request) or other(request)


def _always(_request: Request) -> bool:
    return True


def as_condition(question: Condition | Test) -> Condition:
    """Take any callable of a request for a condition, by its name."""
    if isinstance(question, Condition):
        return question
    if not callable(question):
        raise ConfigurationError(
            f"not a condition: {question!r}",
            remedy="Use path(), method(), status() and the like, or any callable of a request.",
        )
    return Condition(question, getattr(question, "__name__", repr(question)).strip("<>"))


def _said(name: str, values: Iterable[object]) -> str:
    return f"{name}({', '.join(str(v) for v in values)})"


def glob(pattern: str) -> re.Pattern[str]:
    """``*`` is anything within one segment, ``**`` anything at all; a format suffix (``.json``) is let through.

    Upper and lower case are the same, as for many a router: who writes ``/LOGIN`` must not slip past.
    """
    parts = re.split(r"(\*\*|\*)", pattern.rstrip("/") or "/")
    text = "".join({"**": ".*", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts)
    return re.compile(rf"{text}(?:\.[^/]*)?\Z", re.DOTALL | re.IGNORECASE)


def path(*patterns: str) -> Condition:
    """The normal path is one of these; ``*`` and ``**`` as in :func:`glob`."""
    for pattern in patterns:
        if not pattern.startswith(("/", "*")):
            raise ConfigurationError(f"a path begins with a slash: {pattern!r}", remedy=f"Write /{pattern}.")
    found = [glob(p) for p in patterns]

    def matches(text: str) -> bool:
        return any(pattern.match(text) for pattern in found)

    kept = lru_cache(maxsize=4096)(matches)
    return Condition(
        lambda request: (kept if len(request.path) <= REMEMBERED else matches)(request.path),
        _said("path", patterns),
        by_line=True,
    )


def prefix(*prefixes: str) -> Condition:
    """The normal path begins with one of these, as text: ``/users`` covers ``/users/anything`` and ``/Users_x``."""
    found = tuple((p.rstrip("/") or "/").lower() for p in prefixes)
    return Condition(lambda request: request.path.lower().startswith(found), _said("prefix", prefixes), by_line=True)


def regex(pattern: str) -> Condition:
    """The normal path matches a regular expression from its beginning."""
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"not a regular expression: {pattern!r}: {error}") from error
    return Condition(lambda request: found.match(request.path), _said("regex", [pattern]), by_line=True)


def method(*methods: str) -> Condition:
    """The method is one of these; who names GET means HEAD too, which is the same but for the body (RFC 9110,
    section 9.3.2), and tells as much.
    """
    named = frozenset(m.upper() for m in methods)
    found = named | {"HEAD"} if "GET" in named else named
    return Condition(lambda request: request.method in found, _said("method", sorted(named)), by_line=True)


def header(name: str, *values: str) -> Condition:
    """The header is there; with values, it is exactly one of them."""
    key, found = name.lower(), frozenset(values)
    if not found:
        return Condition(lambda request: request.header(key) is not None, _said("header", [key]))
    return Condition(lambda request: request.header(key) in found, _said("header", [key, *values]))


def query(name: str, *values: str) -> Condition:
    """The query parameter is there; with values, it is exactly one of them."""
    found = frozenset(values)
    if not found:
        return Condition(lambda request: request.parameter(name) is not None, _said("query", [name]))
    return Condition(lambda request: request.parameter(name) in found, _said("query", [name, *values]))


def network(*networks: str) -> Condition:
    """The client's address lies in one of these addresses or networks."""
    found = Networks(networks)
    inside = found.__contains__
    shown = networks if len(networks) < 9 else (*networks[:8], f"and {len(networks) - 8} more")
    return Condition(lambda request: inside(request.client.address), _said("network", shown), by_line=True)


def user(*names: str) -> Condition:
    """The request proves to be one of these accounts; with none named, any account."""
    found = frozenset(names)
    if not found:
        return Condition(lambda request: request.user is not None, "user()")
    return Condition(lambda request: request.user in found, _said("user", names))


def token(*names: str) -> Condition:
    """The request uses one of these tokens, by their public names; with none named, any token."""
    found = frozenset(names)
    if not found:
        return Condition(lambda request: request.token is not None, "token()")
    return Condition(lambda request: request.token in found, _said("token", names))


def login(*names: str) -> Condition:
    """The name claimed in HTTP Basic credentials is one of these, proven or not; with none named, any name.

    "A success" is better told by this than by ``credentials()``: services refuse wrong Basic credentials everywhere,
    and pass over an Authorization that they do not understand.
    """
    found = frozenset(names)
    if not found:
        return Condition(lambda request: request.login is not None, "login()")
    return Condition(lambda request: request.login in found, _said("login", names))


def route(*routes: str) -> Condition:
    """The framework resolved the request to one of these routes, as it writes them: ``/items/{id}``."""
    found = frozenset(routes)
    return Condition(lambda request: request.route in found, _said("route", routes))


def credentials() -> Condition:
    """The request carries credentials, right or wrong."""
    return Condition(lambda request: request.credentials, "credentials()")


def status(*statuses: int | str) -> Condition:
    """The answer's status is one of these, as 401 or as ``"4xx"``; judged on the way out."""
    found = frozenset(s for item in statuses for s in _statuses(item))
    return Condition(lambda request: request.status in found, _said("status", statuses), possible=_always)


def _statuses(item: int | str) -> Iterable[int]:
    text = str(item)
    if re.fullmatch(r"[1-5]xx", text):
        return range(int(text[0]) * 100, int(text[0]) * 100 + 100)
    if re.fullmatch(r"[1-5]\d\d", text):
        return [int(text)]
    raise ConfigurationError(f"not a status: {item!r}", remedy='Write a number such as 401, or a class such as "4xx".')
