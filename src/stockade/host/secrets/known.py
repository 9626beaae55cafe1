"""Files known by name, and names known in any file: what a secret is there, and what breaks when it changes."""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from stockade.events import Secret
from stockade.host.secrets.found import Candidate, Grade
from stockade.host.secrets.patterns import About, about, formats

LARGEST: Final = 32 << 20
"""Octets of a file that is read as a whole, as JSON has to be."""
DEEPEST: Final = 40
"""How deep a JSON file is followed."""


class NotAsNamed(ValueError):
    """A file that is known by name holds something else."""


@dataclass(frozen=True, slots=True)
class Key:
    """A name in a known file, and what it is."""

    name: re.Pattern[str]
    kind: str
    about: About


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file known by the end of its path, or, with an empty title, any."""

    path: re.Pattern[str]
    title: str
    reader: str
    keys: tuple[Key, ...]

    def key(self, name: str) -> Key | None:
        """What a name in it is; the first that fits."""
        return next((key for key in self.keys if key.name.fullmatch(name.lower())), None)


@cache
def known_files() -> tuple[KnownFile, ...]:
    """All of them, the particular ones first."""
    told = tomllib.loads(files(__package__).joinpath("known.toml").read_text("utf-8"))["file"]
    return tuple(
        KnownFile(
            re.compile(r"(?:.*/)?" + _glob(each["path"])),
            each["title"],
            each["reader"],
            tuple(Key(re.compile(_glob(key["name"])), key["kind"], about(key)) for key in each["key"]),
        )
        for each in told
    )


def _glob(text: str) -> str:
    """A pattern in which ``*`` stands for anything, and ``(one|other)`` for either."""
    return "".join({"*": ".*", "(": "(?:", "|": "|", ")": ")"}.get(each, re.escape(each)) for each in text)


@lru_cache(maxsize=1024)
def file_at(path: str) -> KnownFile:
    """What is known of the file at a path."""
    return next(each for each in known_files() if each.path.fullmatch(path))


def named(candidate: Candidate, path: str) -> str:
    """What kind of secret it is, by its file and its name there; else what it was taken for."""
    name = candidate.name or candidate.kind
    for file in (file_at(path), known_files()[-1]):
        if (key := file.key(name)) is not None:
            return candidate.kind if candidate.kind != "secret" and file.title == "" else key.kind
    return candidate.kind


@cache
def kinds() -> Mapping[str, About]:
    """What is known of each kind of secret."""
    told = {each.kind: each.about for each in formats()}
    for file in known_files():
        for key in file.keys:
            told.setdefault(key.kind, key.about)
    return told


# ── files that have a reader of their own ────────────────────────────────────────────────────────


def read(file: KnownFile, text: str) -> Iterator[Candidate]:
    """The secrets of a known file. Raises NotAsNamed, which quotes nothing of it."""
    if file.reader == "json":
        yield from _json(file, _loaded(text))
    elif file.reader == "docker":
        yield from _docker(_loaded(text))
    elif file.reader == "netrc":
        yield from _by_pattern(_NETRC, text)
    elif file.reader == "pgpass":
        yield from _by_pattern(_PGPASS, text)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotAsNamed("it is no JSON") from None  # the error that is left out would quote it


def _json(file: KnownFile, value: Any, name: str = "", depth: int = 0) -> Iterator[Candidate]:
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in value.items():
            yield from _json(file, inner, f"{name}.{key}".lstrip("."), depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for inner in value:
            yield from _json(file, inner, name, depth + 1)
    elif isinstance(value, str) and len(value) >= 6 and file.key(name) is not None:
        yield Candidate("secret", Secret(value), -1, name, Grade.CERTAIN)


def _docker(value: Any) -> Iterator[Candidate]:
    auths = value.get("auths") if isinstance(value, dict) else None
    for registry, each in (auths if isinstance(auths, dict) else {}).items():
        if isinstance(each, dict):
            for name in ("auth", "identitytoken", "registrytoken", "password"):
                if isinstance(each.get(name), str) and each[name]:
                    yield Candidate("secret", Secret(_password(each[name], name)), -1, f"{registry}", Grade.CERTAIN)


def _password(text: str, name: str) -> str:
    """The password of ``user:password`` in base 64; the text itself when it is something else."""
    try:
        return b64decode(text).decode().partition(":")[2] or text if name == "auth" else text
    except ValueError:
        return text


_NETRC: Final = re.compile(
    r"(?:machine\s+(?P<name>\S+)|default)(?:\s+(?!machine|default)\S+){0,6}?\s+password\s+(?P<secret>\S+)"
)
_PGPASS: Final = re.compile(r"(?m)^(?P<name>[^#:\n][^:\n]*(?::(?:\\.|[^:\\\n])*){3}):(?P<secret>(?:\\.|[^\n])+)$")


def _by_pattern(pattern: re.Pattern[str], text: str) -> Iterator[Candidate]:
    for match in pattern.finditer(text):
        yield Candidate(
            "secret", Secret(match["secret"]), match.start("secret"), match["name"] or "default", Grade.CERTAIN
        )
