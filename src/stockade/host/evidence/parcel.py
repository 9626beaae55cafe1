"""What is stored at once: pieces of items in a compressed tar archive, which any other tool can open too.

Pieces are called ``000042.0``: the first piece of item 42. What an item is called on its machine stands in the manifest
alone, so that no name of a suspect machine ever becomes the name of a file.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import Final

from stockade.errors import Tampered

MOST: Final = 4 << 20
"""Octets of items in a parcel, before it is compressed."""
HEAVIEST: Final = 64 << 20
"""Octets that a parcel or a part of the manifest may have at most, compressed or not, when it is read."""
LEVEL: Final = 3
"""How hard is tried to compress: more than this takes longer than it saves to send."""


class Parcel:
    """A parcel that is being filled."""

    def __init__(self) -> None:
        self.holds: list[str] = []
        self.octets = 0
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(  # noqa: SIM115  closed with the parcel
            fileobj=self._buffer, mode="w:gz", compresslevel=LEVEL, format=tarfile.USTAR_FORMAT
        )

    @property
    def room(self) -> int:
        """How many more octets fit."""
        return MOST - self.octets

    def add(self, name: str, octets: bytes) -> None:
        """Put a piece in."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(octets), 0o400
        self._tar.addfile(info, io.BytesIO(octets))
        self.holds.append(name)
        self.octets += len(octets)

    def close(self) -> bytes:
        """The whole of it."""
        self._tar.close()
        return self._buffer.getvalue()


def piece(item: int, number: int) -> str:
    """The name of a piece."""
    return f"{item:06}.{number}"


def pieces(octets: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The pieces of a parcel, in order. Raises Tampered when it is none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_opened(octets, name)), mode="r:") as tar:
            for info in tar:
                file = tar.extractfile(info)
                if file is None:
                    raise Tampered(f"{info.name[:40]!r} in {name} is no piece of an item")
                yield info.name, file.read()
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise Tampered(f"{name} is no parcel: {error}") from error


def _opened(octets: bytes, name: str) -> bytes:
    """Without compression, and no more than so much: what is hostile may be very small and become very large."""
    machine = zlib.decompressobj(wbits=31)
    found = machine.decompress(octets, HEAVIEST)
    if machine.unconsumed_tail or not machine.eof or machine.unused_data:
        raise Tampered(f"{name} is no parcel: it is cut, or becomes too large")
    return found
