"""The kinds of value that belong to one setting or two: addresses to listen on, stores, networks, paths, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from stockade.config.secrets import Url, url
from stockade.config.source import Place
from stockade.config.values import TEXT, TEXTS, Kind, meant, shown
from stockade.errors import ConfigurationError
from stockade.guard.networks import parse_network

STORES: Final = ("redis", "rediss", "redis+sentinel", "redis+cluster", "unix")
PRESETS: Final = ("forge", "gitlab", "none")


def _networks(value: object, place: Place) -> tuple[str, ...]:
    found = TEXTS.read(value, place)
    for each in found:
        try:
            parse_network(each)
        except ConfigurationError as error:
            raise place.wrong(f"{place.key}: {error.message}", error.remedy) from error
    return found


NETWORKS: Final[Kind[tuple[str, ...]]] = Kind("list of addresses and networks", _networks)


def address_of(written: str) -> tuple[str, int]:
    """The host and port of ``127.0.0.1:8080``, ``[::1]:8080`` or ``:8080``. Raises ConfigurationError."""
    host, colon, port = written.rpartition(":")
    host = host.strip("[]") if host.startswith("[") else host
    if not (colon and port.isdecimal() and int(port) <= 65535 and (":" not in host or "[" in written)):
        raise ConfigurationError(
            f"{shown(written)} is not an address to listen on", remedy='Write it as "127.0.0.1:8080" or "[::1]:8080".'
        )
    return host or "0.0.0.0", int(port)


def _listen(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    try:
        address_of(written)
    except ConfigurationError as error:
        raise place.wrong(f"{place.key}: {error.message}", error.remedy) from error
    return written


LISTEN: Final[Kind[str]] = Kind("host:port", _listen)


def _not_a_store(written: str) -> str | None:
    scheme = urlsplit(written).scheme
    return None if scheme in STORES else f"which is none of {', '.join(f'{s}://' for s in STORES)}"


_store_url: Final = url(_not_a_store)


def _store(value: object, place: Place) -> Url:
    written = TEXT.read(value, place)
    if written in {"shared", "memory"}:
        return Url(written)
    if ":" not in written:
        raise place.wrong(
            f"store is {shown(written)}{meant(written, ('shared', 'memory', *STORES))}",
            'Write "shared", "memory", or where Redis is: redis://, redis+sentinel://, redis+cluster://, unix://.',
        )
    return _store_url.read(value, place)


STORE: Final[Kind[Url]] = Kind("text or URL", _store)


def _upstream(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    parts = urlsplit(written)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise place.wrong(f"upstream is {shown(written)}", 'Write it as "http://127.0.0.1:3000".')
    return written.rstrip("/")


UPSTREAM: Final[Kind[str]] = Kind("URL", _upstream)


def _not_a_database(written: str) -> str | None:
    scheme = urlsplit(written).scheme.partition("+")[0]
    return None if scheme in {"sqlite", "postgresql"} else "which is neither sqlite:/// nor postgresql://"


DATABASE: Final[Kind[Url]] = url(_not_a_database)


def _path(value: object, place: Place) -> Path:
    written = TEXT.read(value, place)
    if not written or "\0" in written:
        raise place.wrong(f"{place.key} is {shown(written)}, not a path")
    return Path(written).expanduser()


PATH: Final[Kind[Path]] = Kind("path", _path)


def _header(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    if written and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", written):
        raise place.wrong(f"{place.key} is {shown(written)}, not a header's name", 'Write it as "x-forwarded-for".')
    return written.lower()


HEADER_NAME: Final[Kind[str]] = Kind("header name", _header)


def _moment(value: object, place: Place) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, datetime):
        raise place.wrong(f"{place.key} is {shown(value)}, not a time", "Write it as 2027-01-31T12:00:00Z.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


MOMENT: Final[Kind[datetime]] = Kind("time", _moment)
