"""Where evidence goes: a folder that only grows, or a bucket with Object Lock; and the collections that are there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from stockade.audit.sinks.objectlock import COMPLIANCE, Locked, Vault, put_locked
from stockade.audit.sinks.opening import Wanted, s3_of, vault_of
from stockade.audit.sinks.s3 import speaking
from stockade.audit.sinks.settings import SinkSettings
from stockade.config import Settings
from stockade.config.secrets import resolve
from stockade.errors import ConfigurationError, Refused, Tampered, Unavailable
from stockade.host.evidence.folder import Folder
from stockade.host.evidence.manifest import part_name
from stockade.host.evidence.store import Receipt, Store

TRIES: Final = 4
"""How often something is put before the store is taken to be away, each time after twice the pause."""


class EvidenceSink(Protocol):
    """A place that holds collections, or is one: ``named`` says which one was meant."""

    place: str

    def collections(self) -> list[str]:
        """The names of those that are there, the oldest first."""
        ...

    def collection(self, name: str) -> Store:
        """One of them, or a new one; the place itself when the name is empty."""
        ...


def sink_of(written: str, settings: Settings) -> EvidenceSink:
    """A folder, ``s3://BUCKET/PREFIX?…``, or the name of a sink in the configuration. Raises ConfigurationError."""
    configured = {each.called: each for each in (given.sink() for given in settings.audit.sinks)}
    if written in configured:
        return _of(configured[written])
    if "://" in written:
        return _of(SinkSettings.parse(written))
    return FolderSink(Path(written).absolute())


def _of(settings: SinkSettings) -> EvidenceSink:
    scheme, _, path = settings.url.partition("://")
    if scheme == "file":
        return FolderSink(Path(path))
    if scheme == "s3":
        return BucketSink(settings)
    raise ConfigurationError(
        f"{scheme} keeps no evidence", remedy="Name a folder, best on another machine's disk, or s3://BUCKET/PREFIX."
    )


class FolderSink:
    """See ``EvidenceSink``."""

    def __init__(self, path: Path) -> None:
        self._path, self.place = path, str(path)

    def collections(self) -> list[str]:
        """See ``EvidenceSink``."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return sorted(each.name for each in self._path.iterdir() if (each / part_name(1)).exists())
        return []

    def collection(self, name: str) -> Store:
        """See ``EvidenceSink``."""
        return Folder(self._path / name)


class BucketSink:
    """See ``EvidenceSink``."""

    def __init__(self, settings: SinkSettings) -> None:
        self._settings, self.place = settings, settings.url

    def collections(self) -> list[str]:
        """See ``EvidenceSink``."""
        end = f"/{part_name(1)}"
        return sorted(name.removesuffix(end) for name in Bucket(self._settings).names() if name.endswith(end))

    def collection(self, name: str) -> Store:
        """See ``EvidenceSink``."""
        url = f"{self._settings.url.rstrip('/')}/{name}" if name else self._settings.url
        return Bucket(replace(self._settings, url=url))


@dataclass(frozen=True, slots=True)
class _Version:
    name: str
    version: str
    etag: str
    at: float


class Bucket:
    """A collection in a bucket with Object Lock; see ``Store``. Of each name the first version counts: nobody can take
    that away, and whoever may write can put others on top.
    """

    def __init__(self, settings: SinkSettings) -> None:
        self._settings, self.place, self.remark = settings, settings.url, ""
        self._vault = Vault(*vault_of(settings), settings.retain)
        self._known: dict[str, _Version] | None = None
        self._written: set[str] = set()
        self._ahead = 0.0
        self._clients: dict[str, Any] = {}

    def put(self, name: str, octets: bytes) -> Receipt:
        """See ``Store``; locked by the store's clock."""
        self._refuse_again(name)
        self._written.add(name)
        for tried in range(1, TRIES + 1):
            try:
                return self._put(name, octets)
            except Unavailable as error:
                if tried == TRIES:
                    remedy = "When it answers again, go on where it stopped: the same command with --resume."
                    raise Unavailable(error.message, remedy=remedy) from error
            time.sleep(0.5 * 2**tried)
        raise AssertionError  # the last try has raised

    def names(self) -> Iterable[str]:
        """See ``Shelf``."""
        if self._known is None:
            self._known = self._listed()
        return {*self._known, *self._written}

    def read(self, name: str, most: int) -> bytes:
        """See ``Shelf``."""
        self.names()
        known = (self._known or {}).get(name)
        with speaking(f"{name} cannot be read from {self.place}"):
            version = {"VersionId": known.version} if known else {}
            found = self._reader.get_object(Bucket=self._vault.bucket, Key=self._vault.key(name), **version)
            octets: bytes = found["Body"].read(most + 1)
        if len(octets) > most:
            raise Tampered(f"{name} in {self.place} is longer than it can be")
        if found.get("ObjectLockMode") != COMPLIANCE:
            raise Tampered(
                f"{name} in {self.place} is not locked", remedy="Ask `stockade audit probe` about the store."
            )
        return octets

    def _put(self, name: str, octets: bytes) -> Receipt:
        key, now = self._vault.key(name), time.time() + self._ahead
        new = Locked(key, octets, sha256(octets).hexdigest(), self._settings.retain)
        _, further = put_locked(self._writer, self._vault.bucket, new, now)
        self._ahead += further
        return Receipt(round(self._ahead, 1))

    def _refuse_again(self, name: str) -> None:
        if self._settings.reader_key and self._known is None:
            self._known = self._listed()
        if name in self._written or name in (self._known or {}):
            raise Refused(f"{name} is in {self.place} already, and nothing is written twice")

    def _listed(self) -> dict[str, _Version]:
        """The first version of every name. Raises Tampered when others were put on top, or something was deleted."""
        first: dict[str, _Version] = {}
        versions = list(self._versions())
        versions.reverse()  # the newest comes first, also within a second
        versions.sort(key=lambda version: version.at)
        for each in versions:
            known = first.setdefault(each.name, each)
            if known.etag != each.etag:
                raise Tampered(f"{each.name} in {self.place} was written again, or deleted", remedy=_REMEDY)
        return first

    def _versions(self) -> Iterator[_Version]:
        start = self._vault.key("")
        with speaking(f"{self.place} cannot be listed"):
            pages = self._reader.get_paginator("list_object_versions").paginate(Bucket=self._vault.bucket, Prefix=start)
            for page in pages:
                for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    name, at = each["Key"][len(start) :], each["LastModified"].timestamp()
                    yield _Version(name, each["VersionId"], each.get("ETag", "deleted"), at)

    @property
    def _writer(self) -> Any:
        if self._settings.retain <= 0:
            remedy = "Add retain=400d, say. Nobody can shorten it, not even you, so begin with little."
            raise ConfigurationError(f"{self.place} does not say how long evidence is locked", remedy=remedy)
        return self._client(self._settings.access_key, self._settings.secret_key)

    @property
    def _reader(self) -> Any:
        if not self._settings.reader_key:
            remedy = "Add reader-key and reader-secret to the sink."
            raise ConfigurationError(f"{self.place} can only be written with the key that is given", remedy=remedy)
        return self._client(self._settings.reader_key, self._settings.reader_secret)

    def _client(self, key: str, secret: str) -> Any:
        if key not in self._clients:
            self._clients[key] = s3_of(Wanted(self._settings, Path(), Path(), resolve), key, secret)
        return self._clients[key]


_REMEDY: Final = "The first versions are locked and still there. Find out who could write here."
