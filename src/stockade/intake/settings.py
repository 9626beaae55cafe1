"""What is taken in, from where: the settings of every kind of source, and how they are read from ``[[intake]]`` tables.

::

    [[intake]]
    name = "gitlab"
    kind = "file"
    path = "/var/log/gitlab/gitlab-rails/audit_json.log"
    format = "gitlab_audit"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import UTC, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stockade.errors import ConfigurationError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}\Z")
DAY: Final = 86_400.0


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """A file that other programs write, rotate and truncate. ``zone`` is that of times that name none (None: this
    machine's); ``programs`` says which format some programs write within syslog; ``mapping`` is the file for ``json``.
    """

    name: str
    path: Path
    format: str
    zone: tzinfo | None = None
    mapping: Path | None = None
    programs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SyslogSource:
    """Syslog received over TLS (RFC 5425; lines of RFC 3164 too). Senders show a certificate of ``clients`` (a file of
    authorities), and, unless ``senders`` is empty, one that bears one of these names.
    """

    name: str
    host: str
    port: int = 6514
    certificate: Path
    key: Path
    clients: Path
    senders: tuple[str, ...] = ()
    format: str = "syslog"
    zone: tzinfo | None = None
    mapping: Path | None = None
    programs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """Deliveries over HTTP at ``path``. ``format`` is ``gitlab_audit`` for streams of GitLab, or any other; ``token``
    is the file with the shared secret, sent in the header ``header``. With a certificate it is HTTPS.
    """

    name: str
    host: str
    port: int
    path: str = "/"
    format: str = "gitlab_audit"
    token: Path
    header: str = "X-Gitlab-Event-Streaming-Token"
    certificate: Path | None = None
    key: Path | None = None
    mapping: Path | None = None
    max_body: int = 1_048_576
    same_as: str = ""


@dataclass(frozen=True, kw_only=True)
class GitLabApiSource:
    """GitLab's audit events, asked for every ``every`` seconds. ``of`` is ``instance``, ``groups/ID`` or
    ``projects/ID``; ``token`` is the file with an access token; ``since`` is how far back it goes the first time, in
    seconds. ``overlap`` seconds are asked for again each time, for events that came to be late.
    ``same_as`` names a source that delivers the same events with the same ids: what came from one is not taken from the
    other.
    """

    name: str
    url: str
    token: Path
    of: str = "instance"
    every: float = 60.0
    since: float = 30 * DAY
    overlap: float = 300.0
    authorities: Path | None = None
    same_as: str = ""


Source = FileSource | SyslogSource | HttpSource | GitLabApiSource
KINDS: Final[Mapping[str, type[Source]]] = {
    "file": FileSource,
    "syslog": SyslogSource,
    "http": HttpSource,
    "gitlab-api": GitLabApiSource,
}


@dataclass(frozen=True, kw_only=True)
class IntakeSettings:
    """All sources, and where the intake remembers what it has handed on, and for how long, in seconds."""

    sources: tuple[Source, ...]
    ledger: Path
    remember: float = 40 * DAY
    remember_most: int = 2_000_000


def sources_of(tables: Sequence[Mapping[str, Any]], *, where: str) -> tuple[Source, ...]:
    """The sources of ``[[intake]]`` tables. Raises ConfigurationError, naming the place, for what it cannot follow."""
    found = [_source(entry, f"{where}: [[intake]] number {number}") for number, entry in enumerate(tables, 1)]
    names = [source.name for source in found]
    for name in names:
        if names.count(name) > 1:
            raise _wrong(where, f"two sources are named {name!r}", "Give each a name of its own; events bear it.")
    return tuple(found)


def _source(entry: Mapping[str, Any], where: str) -> Source:
    kind = entry.get("kind", "file")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _wrong(where, f"there is no kind {kind!r}", f"Write one of {', '.join(KINDS)}.")
    known: dict[str, Field[Any]] = {each.name: each for each in fields(KINDS[kind])}
    for key in entry.keys() - known.keys() - {"kind"}:
        near = get_close_matches(key, known, 1)
        raise _wrong(where, f"{kind} has no setting {key!r}", f"Did you mean {near[0]!r}?" if near else "Remove it.")
    for each in known.values():
        if each.name not in entry and each.default is MISSING and each.default_factory is MISSING:
            raise _wrong(where, f"{each.name} is missing", f"{kind} needs {each.name} = …")
    values: dict[str, Any] = {key: _value(known[key], said, where) for key, said in entry.items() if key != "kind"}
    made = KINDS[kind](**values)
    _check(made, where)
    return made


def _value(setting: Field[Any], said: object, where: str) -> object:
    type_ = str(setting.type).removesuffix(" | None")
    convert, what = _CONVERT[type_]
    try:
        return convert(said)
    except (ValueError, TypeError, ZoneInfoNotFoundError) as error:
        raise _wrong(where, f"{setting.name} is {said!r}, which is no {what}", f"Write a {what}.") from error


def _check(source: Source, where: str) -> None:
    if not NAME.match(source.name):
        raise _wrong(where, f"{source.name!r} is no name", "Use a to z, digits, dot, dash and underscore.")
    if isinstance(source, HttpSource) and not source.path.startswith("/"):
        raise _wrong(where, f"path {source.path!r} does not begin with /", 'Write path = "/gitlab".')
    if isinstance(source, HttpSource) and (source.certificate is None) != (source.key is None):
        raise _wrong(where, "certificate and key belong together", "Write both, or neither.")
    if isinstance(source, GitLabApiSource) and not re.match(r"(instance|(groups|projects)/[\w.%-]+)\Z", source.of):
        raise _wrong(where, f"of = {source.of!r} cannot be asked", "Write instance, groups/ID or projects/ID.")
    mapping = getattr(source, "mapping", None)
    if not isinstance(source, GitLabApiSource) and (source.format == "json") != (mapping is not None):
        raise _wrong(where, "format json and mapping belong together", 'Write format = "json" and mapping = "FILE".')


def _text(said: object) -> str:
    if not isinstance(said, str) or not said:
        raise TypeError
    return said


def _number(least: float) -> Callable[[object], float]:
    def number(said: object) -> float:
        if not isinstance(said, int | float) or isinstance(said, bool) or not least <= said < 1e12:
            raise ValueError
        return float(said)

    return number


def _whole(said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 < said < 2**31:
        raise ValueError
    return said


def _names(said: object) -> tuple[str, ...]:
    if not isinstance(said, list):
        raise TypeError
    return tuple(_text(each) for each in said)


def _pairs(said: object) -> dict[str, str]:
    if not isinstance(said, dict):
        raise TypeError
    return {key: _text(each) for key, each in said.items()}


def _zone(said: object) -> tzinfo:
    return UTC if said == "UTC" else ZoneInfo(_text(said))


_CONVERT: Final[Mapping[str, tuple[Callable[[object], object], str]]] = {
    "str": (_text, "text"),
    "Path": (lambda said: Path(_text(said)), "path"),
    "float": (_number(0.0), "number of seconds"),
    "int": (_whole, "whole number"),
    "tuple[str, ...]": (_names, "list of names"),
    "Mapping[str, str]": (_pairs, "table of names"),
    "tzinfo": (_zone, "time zone such as Europe/Berlin"),
}


def _wrong(where: str, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: {what}", remedy=remedy)
