"""Where Redis is, as one URL says it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from stockade.errors import ConfigurationError

Kind = Literal["single", "sentinel", "cluster"]

SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "unix": ("single", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
PORTS: Final[dict[Kind, int]] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OPTIONS: Final = ("db", "sentinel_username", "sentinel_password", *TLS_OPTIONS)


class Address(NamedTuple):
    """A host and port, or the path of a Unix socket and port 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password; without a user the password of the default one. Never shown."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL points to. ``service`` is the name that sentinels know the primary by; ``tls`` is None without TLS."""

    kind: Kind
    addresses: tuple[Address, ...]
    service: str = ""
    database: int = 0
    login: Login = field(default_factory=Login, repr=False)
    sentinel_login: Login = field(default_factory=Login, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return ",".join(map(str, self.addresses))


def parse(url: str) -> Target:
    """Read a URL; raises ConfigurationError, which never repeats the URL, since it may hold a password."""
    try:
        parts = urlsplit(url)
        kind, tls = SCHEMES[parts.scheme]
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True))
        database = _database(parts, kind, options)
        addresses = (Address(unquote(parts.path), 0),) if parts.scheme == "unix" else _addresses(parts, PORTS[kind])
    except (KeyError, ValueError):
        raise _wrong("cannot be read") from None
    unknown = options.keys() - set(OPTIONS)
    service = unquote(parts.path.strip("/")) if kind == "sentinel" else ""
    if unknown:
        raise _wrong(f"has an option that does not exist: {', '.join(sorted(unknown))[:100]}")
    if not addresses or (kind == "sentinel" and not service):
        raise _wrong("names no server" if not addresses else "does not name the primary's service")
    if kind == "cluster" and database:
        raise _wrong("asks for a database, and a cluster has only number 0")
    return Target(
        kind,
        addresses,
        service,
        database,
        _login(parts),
        Login(options.get("sentinel_username", ""), options.get("sentinel_password", "")),
        _tls(options) if tls else None,
    )


def _database(parts: SplitResult, kind: Kind, options: dict[str, str]) -> int:
    path = parts.path.strip("/") if parts.scheme != "unix" and kind != "sentinel" else ""
    number = int(path or options.get("db", "0"))
    if number < 0:
        raise ValueError(number)
    return number


def _addresses(parts: SplitResult, port: int) -> tuple[Address, ...]:
    named = [each for each in parts.netloc.rpartition("@")[2].split(",") if each]
    return tuple(_address(each, port) for each in named)


def _address(text: str, default: int) -> Address:
    split = urlsplit(f"//{text}")
    if not split.hostname:
        raise ValueError(text)
    return Address(split.hostname, split.port or default)


def _login(parts: SplitResult) -> Login:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return Login(unquote(user), unquote(password))


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if "ssl_certfile" in options:
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except (OSError, ssl.SSLError):
        raise _wrong("names a certificate that cannot be read") from None
    return context


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"the URL of the Redis store {what}",
        remedy="Write redis://host:6379/0, rediss://…, unix:///path, redis+sentinel://h1,h2/service or redis+cluster://h1,h2.",
    )
