"""A secret is never written in a configuration, only where it is: ``file:PATH`` or ``env:NAME``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from stockade.config.source import Place
from stockade.config.values import TEXT, Kind
from stockade.errors import ConfigurationError

MAX_SECRET: Final = 64 * 1024
REFERENCE: Final = re.compile(r"(file|env):(.+)")
_IN_URL: Final = re.compile(r"\{((?:file|env):[^{}]+)\}")


def resolve(reference: str, environ: Mapping[str, str] = os.environ) -> str:
    """What ``file:PATH`` or ``env:NAME`` holds, the last newline taken off.

    Raises ConfigurationError when it is neither, or holds nothing; the secret is in no message.
    """
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ConfigurationError("a secret is written out", remedy="Write file:PATH or env:NAME, where the secret is.")
    kind, name = found.groups()
    secret = environ.get(name) if kind == "env" else _in_file(Path(name))
    if not secret:
        raise ConfigurationError(f"{reference} holds nothing", remedy="Put the secret there, or name another place.")
    return secret.rstrip("\n")


def _in_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_SECRET)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(
            f"the secret in {path} cannot be read: {reason}", remedy="Let the user that Stockade runs as read it."
        ) from error


@dataclass(frozen=True, slots=True)
class Url:
    """A URL as it was written, with ``{file:PATH}`` or ``{env:NAME}`` where a secret belongs."""

    written: str

    def __str__(self) -> str:
        return self.written

    def open(self, environ: Mapping[str, str] = os.environ) -> str:
        """The URL with its secrets filled in, percent-encoded. Not to be logged."""
        if REFERENCE.fullmatch(self.written):
            return resolve(self.written, environ)
        return _IN_URL.sub(lambda found: quote(resolve(found[1], environ), safe=""), self.written)


def url(check: Callable[[str], str | None]) -> Kind[Url]:
    """A URL without a secret in it; ``check`` answers what is wrong with one, or None."""

    def read(value: object, place: Place) -> Url:
        written = TEXT.read(value, place)
        bare = _IN_URL.sub("reference", written)
        if _password(bare) not in {None, "", "reference"}:
            raise place.wrong(
                f"{place.key} has a password written in it",
                f"Write {_without(written)}, and the password in that place.",
            )
        if not REFERENCE.fullmatch(written) and (wrong := check(bare)):
            raise place.wrong(f'{place.key} is "{written}", {wrong}')
        return Url(written)

    return Kind("URL", read)


def _password(written: str) -> str | None:
    try:
        return urlsplit(written).password
    except ValueError:
        return None


def _without(written: str) -> str:
    """The URL with its password replaced by a reference, for an error to show."""
    parts = urlsplit(written)
    host = (parts.netloc or "").rpartition("@")[2]
    return f"{parts.scheme}://{parts.username or ''}:{{env:NAME}}@{host}{parts.path} or {{file:PATH}} for {{env:NAME}}"
