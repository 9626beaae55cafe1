"""Release data fetched and kept: from a file, a folder or an https URL, within bounds, with its date and digest."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.parse import urlsplit

from stockade.config import Settings
from stockade.config.state import state_of
from stockade.errors import ConfigurationError, Tampered, Unavailable
from stockade.host.updates.catalogue import Catalogue, Source
from stockade.host.updates.documents import Document, catalogue, distilled

MOST: Final = 128 << 20
"""Octets of one document: Debian's security tracker has some sixty million."""
PIECE: Final = 1 << 20
PATIENCE: Final = 20.0
"""Seconds that a server may be silent."""
LONGEST: Final = 300.0
"""Seconds that one document may take in all."""
FILES: Final = 500


class Read(NamedTuple):
    """A document: where it is from, its octets, and how old it is by its file or its server."""

    origin: str
    octets: bytes
    dated: float


def refresh(settings: Settings, origins: tuple[str, ...], release: str, now: float) -> list[Source]:
    """Read release data anew, all or nothing of each document, and keep what is needed of it; ``release`` is the code
    name of the Debian that is asked about. Raises ConfigurationError, Unavailable.
    """
    if not origins:
        raise ConfigurationError(
            "nobody has said where release data is",
            remedy='Say so: stockade updates refresh --from FILE, or sources = ["https://…"] under [updates].',
        )
    return [
        _keep(settings, distilled(read.octets, _called(read.origin), release), read, now)
        for read in _read(origins, now)
    ]


def kept(settings: Settings) -> Catalogue:
    """What is kept; an empty catalogue where nothing was refreshed. Raises Tampered for what cannot be read again."""
    folder = settings.state_directory() / "releases"
    try:
        return catalogue(map(_kept, sorted(folder.glob("*.json"))))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Tampered(
            f"release data in {folder} is not as it was kept: {error}",
            remedy="Remove that folder and refresh: stockade updates refresh --from …",
        ) from error


def _kept(file: Path) -> tuple[Source, Mapping[str, Any]]:
    said = json.loads(file.read_bytes())
    return Source(**said["source"]), said["content"]


def _keep(settings: Settings, document: Document, read: Read, now: float) -> Source:
    dated = min(now, document.dated or read.dated)
    source = Source(_title(document), read.origin, dated, now, sha256(read.octets).hexdigest())
    folder = state_of(settings) / "releases"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', document.name)}.json"
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({"source": asdict(source), "content": document.content}))
    partial.replace(file)
    return source


def _title(document: Document) -> str:
    if "exploited" in document.content:
        return "CISA's catalogue of what is exploited"
    if "product" in document.content:
        return f"release data of {document.content['product']}"
    return f"what Debian {document.content['release']} has mended"


def _called(origin: str) -> str:
    name = urlsplit(origin).path.rstrip("/").rpartition("/")[2]
    return name.removesuffix(".json") or origin


def _read(origins: tuple[str, ...], now: float) -> Iterator[Read]:
    for origin in origins:
        if re.match(r"[a-z][a-z0-9+.-]+://", origin):
            yield Read(origin, *_fetched(origin, now))
        else:
            for path in _files(Path(origin).expanduser()):
                yield Read(str(path), *_of_file(path))


def _files(path: Path) -> list[Path]:
    found = sorted(path.glob("*.json"))[:FILES] if path.is_dir() else [path]
    if not found:
        raise ConfigurationError(f"{path} has no release data", remedy="Put files that end with .json there.")
    return found


def _of_file(path: Path) -> tuple[bytes, float]:
    try:
        with path.open("rb") as file:
            return _bounded(file, str(path)), path.stat().st_mtime
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", remedy="Name a file that can.") from error


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows nobody out of TLS."""

    def redirect_request(  # noqa: PLR0917  as it is called
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """See ``HTTPRedirectHandler``."""
        _must_be_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _must_be_https(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.username or parts.password:
        raise ConfigurationError(
            f"release data is not fetched from {parts.scheme}://{parts.hostname}",
            remedy="Name an https URL without a password in it, or a file.",
        )


def _fetched(url: str, now: float) -> tuple[bytes, float]:
    _must_be_https(url)
    request = urllib.request.Request(url, headers={"User-Agent": "stockade", "Accept": "application/json"})  # noqa: S310
    opener = urllib.request.build_opener(_OnlyHttps)
    try:
        with closing(opener.open(request, timeout=PATIENCE)) as answer:
            octets = _bounded(answer, url)
            return octets, _modified(answer.headers.get("Last-Modified"), now)
    except (OSError, HTTPException) as error:
        raise Unavailable(
            f"{url} does not answer: {error}", remedy="Try again, or fetch it elsewhere and name the file."
        ) from error


def _modified(said: str | None, now: float) -> float:
    """Release data that is fetched is of now, unless its server says that it is older."""
    try:
        return parsedate_to_datetime(said).timestamp() if said else now
    except ValueError:
        return now


def _bounded(stream: IO[bytes], origin: str) -> bytes:
    pieces, size, end = list[bytes](), 0, time.monotonic() + LONGEST
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > MOST:
            raise ConfigurationError(f"{origin} is larger than {MOST >> 20} MB", remedy="Name release data.")
        if time.monotonic() > end:
            raise Unavailable(f"{origin} took longer than {LONGEST:.0f} s", remedy="Fetch it elsewhere.")
        pieces.append(piece)
    return b"".join(pieces)
