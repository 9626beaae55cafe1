"""The facts a rule may ask about; the dear ones are found out only when somebody asks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from stockade.guard.address import Client, Header

CREDENTIAL_HEADERS: Final = ("authorization", "private-token", "job-token", "deploy-token")
CREDENTIAL_PARAMETERS: Final = ("private_token", "job_token", "access_token")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request proves to be: an account's name or number, a token's public name, or both."""

    user: str | None = None
    token: str | None = None


def parameters(query: str, name: str) -> Iterator[str]:
    """The values of a parameter in a query, however many others stand before it.

    A semicolon separates like an ampersand, as in some frameworks: else what stands behind one would go unseen.
    """
    octets = len(name.encode())
    for pair in query.replace(";", "&").split("&") if query else ():
        key, _, value = pair.partition("=")
        if key == name or (len(key) - 2 * key.count("%") == octets and unquote_plus(key) == name):
            yield unquote_plus(value)


NOBODY: Final = Identity()
Identify = Callable[["Request"], Identity | None]
Resolve = Callable[[], str | None]


class Request:
    """One request, or one log line read as one.

    ``path`` is normal (see :mod:`stockade.guard.paths`), ``method`` as sent, ``header(name)`` takes a lower-case name
    and answers the lines joined by commas, ``route`` is the resolved route where a framework has one, and ``status``
    the status of the answer, known only on the way out.
    """

    __slots__ = (
        "_identify",
        "_identity",
        "_resolve",
        "_route",
        "client",
        "header",
        "method",
        "path",
        "query",
        "status",
    )

    def __init__(
        self,
        client: Client,
        method: str,
        path: str,
        header: Header,
        query: str = "",
        *,
        identify: Identify | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self.client = client
        self.method = method
        self.path = path
        self.header = header
        self.query = query
        self.status: int | None = None
        self._identify = identify
        self._identity: Identity | None = None
        self._resolve = resolve
        self._route: str | None = None

    @property
    def address(self) -> str:
        """The client's full address."""
        return self.client.address

    @property
    def identity(self) -> Identity:
        """Who this proves to be, asked once of the ``identify`` that the guard was given."""
        if self._identity is None:
            self._identity = (self._identify(self) if self._identify else None) or NOBODY
        return self._identity

    @property
    def route(self) -> str | None:
        """The resolved route as the framework writes it (``/items/{id}``), asked once of the door that has one."""
        if self._route is None and self._resolve is not None:
            self._route, self._resolve = self._resolve(), None
        return self._route

    def let_go(self) -> None:
        """The answer is out: no longer hold what resolves routes. A door keeps the decision where its own facts of the
        request are, and those hold the request in turn: a circle, for which only the collector of garbage would come.
        """
        self._resolve = None

    @property
    def user(self) -> str | None:
        """The account, when the request proves one."""
        return self.identity.user

    @property
    def token(self) -> str | None:
        """The public name of the token used, never the token itself."""
        return self.identity.token

    @property
    def login(self) -> str | None:
        """The name claimed in HTTP Basic credentials (RFC 7617), proven or not."""
        scheme, _, value = (self.header("authorization") or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, _ = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").partition(":")
        except (binascii.Error, ValueError):
            return None
        return name if colon else None

    @property
    def credentials(self) -> bool:
        """Does it carry credentials of any kind, right or wrong?"""
        if any(self.header(name) for name in CREDENTIAL_HEADERS):
            return True
        return bool(self.query) and any(self.parameter(name) for name in CREDENTIAL_PARAMETERS)

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next(parameters(self.query, name), None)

    def parameters(self, name: str) -> list[str]:
        """Every value of a query parameter: which of several counts is for the application to say."""
        return list(parameters(self.query, name))

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} from {self.client.address}>"
