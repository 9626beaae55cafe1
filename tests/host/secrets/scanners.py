"""A scanner without a key, and ways to look at what it says."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from stockade.events import Ref
from stockade.host.oddity import Unseen
from stockade.host.secrets.files import FilesScan
from stockade.host.secrets.found import Candidate, Grade, Sighting
from stockade.host.secrets.scanning import Scanner

NOW = 1_800_000_000.0


def fingerprint(secret: str) -> str:
    return "test:" + sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def nobody(_secret: str) -> tuple[Ref, ...]:
    return ()


SCANNER = Scanner(fingerprint, nobody, NOW)


def worth(text: str, path: str) -> list[Candidate]:
    """What of a text is more than a note."""
    return [each for each in SCANNER.look(text, path) if each.grade is not Grade.NOTE]


def seen_in(*paths: Path) -> list[Sighting]:
    """What of files and folders is more than a note."""
    scan = FilesScan(SCANNER)
    return sightings(each for path in paths for each in scan.walk(path))


def sightings(seen: Iterable[Sighting | Unseen]) -> list[Sighting]:
    return [each for each in seen if isinstance(each, Sighting) and each.grade is not Grade.NOTE]
