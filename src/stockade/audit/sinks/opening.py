"""Which sinks there are: settings become a sink that is ready to be opened. Nothing is sent yet; only keys are read."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from stockade.audit.keys import PrivateKey, PublicKey
from stockade.audit.sinks.carrier import Sink
from stockade.audit.sinks.parcels import Cut, Entries, Heads, Segments
from stockade.audit.sinks.settings import Resolve, SinkSettings
from stockade.errors import ConfigurationError

Opened = tuple[Sink, Cut]
Answer = tuple[int, str, bytes]
STAMP_EVERY: Final = 3600.0
OPEN_EVERY: Final = 300.0
"""Seconds between two time stamps, and between two copies of a segment that is not sealed, unless told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sink that is wanted: its settings, the log it is for, where positions are kept, and who knows the secrets."""

    settings: SinkSettings
    log: Path
    state: Path
    resolve: Resolve

    @property
    def url(self) -> SplitResult:
        """The URL, taken apart."""
        return urlsplit(self.settings.url)

    def secret(self, reference: str) -> str:
        """What a reference holds; nothing when there is none."""
        return self.resolve(reference) if reference else ""


def sink_of(wanted: Wanted) -> Opened:
    """The sink that settings describe, and how the log is cut for it. Raises ConfigurationError."""
    return _OPENERS[wanted.url.scheme](wanted)


def s3_of(wanted: Wanted, key: str, secret: str) -> Any:
    """A client of the store that a sink names, for one principal. Raises ConfigurationError."""
    from stockade.audit.sinks.s3 import s3_client

    settings = wanted.settings
    if bool(key) != bool(secret):
        raise ConfigurationError(f"{settings.called} has a key without a secret, or a secret without a key")
    found = wanted.secret(key), wanted.secret(secret)
    return s3_client(settings.endpoint, settings.region, *found, deadline=settings.deadline)


def vault_of(settings: SinkSettings) -> tuple[str, str]:
    """The bucket that a sink names, and what all names in it begin with. Raises ConfigurationError."""
    parts = urlsplit(settings.url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigurationError(f"{settings.url} names no bucket", remedy="Write s3://BUCKET/PREFIX.")
    return parts.netloc, parts.path.strip("/")


def _file(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.appended import AppendedFile, path_of

    return AppendedFile(path_of(wanted.url.path)), _entries(wanted)


def _syslog(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.connection import peer_of
    from stockade.audit.sinks.message import Messages
    from stockade.audit.sinks.relp import RelpTls
    from stockade.audit.sinks.syslog import SyslogTls

    settings, url = wanted.settings, wanted.url
    messages = Messages(socket.gethostname(), enterprise=settings.enterprise, longest=settings.longest)
    if url.scheme == "relp+tls":
        return RelpTls(peer_of(settings, url.hostname, url.port, 2514), messages), _entries(wanted)
    peer = peer_of(settings, url.hostname, url.port, 6514)
    return SyslogTls(peer, messages, rewind=settings.rewind), _entries(wanted)


def _https(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.connection import peer_of
    from stockade.audit.sinks.https import SignedPost

    settings, url = wanted.settings, wanted.url
    peer = peer_of(settings, url.hostname, url.port, 443)
    key = PrivateKey.parse(wanted.secret(settings.signing_key).strip()) if settings.signing_key else None
    token = wanted.secret(settings.token)
    return SignedPost(settings.url, peer, token=token, key=key, clock=time.time), _entries(wanted)


def _s3(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.objectlock import LockedStore, Vault
    from stockade.audit.sinks.receipts import Receipts

    settings = wanted.settings
    if settings.retain <= 0:
        remedy = "Add retain=400d, say. Nobody can shorten it, not even you, so begin with little."
        raise ConfigurationError(f"{settings.called} does not say how long objects are locked", remedy=remedy)
    writer = s3_of(wanted, settings.access_key, settings.secret_key)
    reader = s3_of(wanted, settings.reader_key, settings.reader_secret) if settings.reader_key else None
    receipts = Receipts(wanted.state, settings.called)
    vault = Vault(*vault_of(settings), settings.retain)
    segments = Segments(wanted.log, settings.every or OPEN_EVERY, time.monotonic)
    return LockedStore(vault, writer, reader, receipts, time.time), segments


def _witness(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.cosigner import Cosigner

    settings = wanted.settings
    if settings.witness is None:
        raise ConfigurationError(
            f"{settings.called} does not say which keys the witness has", remedy="Add witness=FILE."
        )
    ask = _poster(settings, settings.url.rstrip("/") + "/add-checkpoint", "text/plain; charset=utf-8")
    heads = Heads(wanted.log, settings.every, time.monotonic)
    return Cosigner(wanted.log, _public_keys(settings.witness), ask), heads


def _authority(wanted: Wanted) -> Opened:
    from stockade.audit.sinks.stamping import Stamper

    heads = Heads(wanted.log, wanted.settings.every or STAMP_EVERY, time.monotonic)
    return Stamper(wanted.log, authority_of(wanted.settings)), heads


def authority_of(settings: SinkSettings) -> Callable[[bytes], Answer]:
    """What carries a request to a time-stamping authority. Raises ConfigurationError."""
    from stockade.audit.sinks.timestamps import QUERY_TYPE

    return _poster(settings, settings.url, QUERY_TYPE)


def _poster(settings: SinkSettings, url: str, kind: str) -> Callable[[bytes], Answer]:
    """Carries requests of one kind; the part of the scheme before the plus sign says what for, the rest says how."""
    from stockade.audit.sinks.connection import peer_of
    from stockade.audit.sinks.https import post

    address = url.partition("+")[2]
    parts = urlsplit(address)
    peer = peer_of(settings, parts.hostname, parts.port, 443) if parts.scheme == "https" else None
    headers = {"Content-Type": kind, "User-Agent": "stockade"}
    return lambda body: post(address, peer, body, headers, settings.deadline)


def _public_keys(path: Path) -> list[PublicKey]:
    try:
        return [PublicKey.parse(line) for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _entries(wanted: Wanted) -> Cut:
    return Entries(wanted.log, time.monotonic)


_OPENERS: dict[str, Callable[[Wanted], Opened]] = {
    "file": _file,
    "https": _https,
    "relp+tls": _syslog,
    "s3": _s3,
    "syslog+tls": _syslog,
    "tsa+http": _authority,
    "tsa+https": _authority,
    "witness+http": _witness,
    "witness+https": _witness,
}
