"""Files of traffic become rows of a table: recognised by what is in them, unpacked, and told of what was damaged."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, cast

import duckdb

from stockade.errors import ConfigurationError
from stockade.host.traffic import zeek_files
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.formats import FORMATS, LOOKED_AT, pcap, recognised
from stockade.host.traffic.formats.one_by_one import Read
from stockade.host.traffic.table import Table
from stockade.lines.line import MAX_LINE, Unreadable
from stockade.lines.stamps import DAY, Dating

MOST: Final = 50_000_000
"""Records that are read at most, of all files together."""
FIELD: Final = re.compile(r"[A-Za-z0-9_.]{1,64}")
GZIP: Final = b"\x1f\x8b"
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: in which format, how many records it held, and how many lines were damaged.

    ``more`` says that there was more in it than is read at most.
    """

    name: str
    format: str
    records: int
    damaged: int
    more: bool = False


def unheard(_name: str, _count: int) -> None:
    """Nobody wants to know how far it is."""


def read(
    table: Table,
    path: Path,
    dating: Dating,
    *,
    format: str = "",
    most: int = MOST,
    progress: Progress = unheard,
) -> Source:
    """Add what a file holds to a table; what is more than a day ahead of now is damaged. Raises ConfigurationError for
    a file that cannot be read, or is in no format that is known.
    """
    packed, head = _looked_into(path)
    found = format or ("pcap" if head[:4] in pcap.MAGIC else recognised(_texts(head)))
    if head[:4] == pcap.NEXT_GENERATION or found is None or found not in {*FORMATS, "pcap"}:
        raise _unknown(path, found, head)
    progress(path.name, 0)
    source = _added(table, path, dating, (found, head), packed=packed, most=most, progress=progress)
    late: int = table.one("DELETE FROM flow WHERE t > ?", [dating.now() + DAY])[0]
    return replace(source, records=source.records - late, damaged=source.damaged + late)


def _added(
    table: Table, path: Path, dating: Dating, known: tuple[str, bytes], *, packed: bool, most: int, progress: Progress
) -> Source:
    found, head = known
    if found.startswith("zeek") and (quick := _quickly(table, path, found, head, packed=packed, most=most)) is not None:
        table.whole = table.whole or _has_connections(table)
        return Source(path.name, found, *quick, more=sum(quick) >= most)
    slow = _Counted(path.name, progress, most)
    with _opened(path, packed=packed) as file:
        reads = pcap.read(file) if found == "pcap" else FORMATS[found].read(_lines(file), dating)
        count = table.add(slow.flows(reads))
    table.whole = table.whole or (found.startswith("zeek") and _has_connections(table))
    return Source(path.name, found, count, slow.damaged, more=count >= most)


class _Counted:
    """Counts what a reader refuses, and stops it in time."""

    def __init__(self, name: str, progress: Progress, most: int) -> None:
        self.damaged, self._name, self._progress, self._most = 0, name, progress, most

    def flows(self, reads: Iterator[Read]) -> Iterator[Flow]:
        for count, found in enumerate(itertools.islice(reads, self._most)):
            if count % 20_000 == 0:
                self._progress(self._name, count)
            if isinstance(found, Unreadable):
                self.damaged += 1
            else:
                yield found


def _quickly(table: Table, path: Path, format_: str, head: bytes, *, packed: bool, most: int) -> tuple[int, int] | None:
    """Have the database read it. None where that does not serve: then nothing of it is in the table."""
    names = _fields(head)
    if not path.is_file() or (format_ == "zeek-tsv" and names is None):
        return None
    table.run("BEGIN")
    try:
        if format_ == "zeek-tsv" and names is not None:
            count, damaged = zeek_files.tabbed(table, path, names, gzip=packed, most=most)
        else:
            count, damaged = zeek_files.json(table, path, gzip=packed, most=most)
    except duckdb.Error:
        table.run("ROLLBACK")
        return None
    if damaged > count:  # several logs in one file, say: a reader of lines understands each heading
        table.run("ROLLBACK")
        return None
    table.run("COMMIT")
    return count, damaged


def _fields(head: bytes) -> tuple[str, ...] | None:
    heading = next((text for text in _texts(head) if text.startswith("#fields\t")), "")
    names = tuple(heading.split("\t")[1:])
    return names if len(set(names)) == len(names) > 0 and all(FIELD.fullmatch(name) for name in names) else None


def _has_connections(table: Table) -> bool:
    return bool(table.one("SELECT count(*) FROM flow WHERE layer = 'connection' AND state <> ''")[0])


def _looked_into(path: Path) -> tuple[bool, bytes]:
    """Whether a file is packed, and how it begins when it is not."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        remedy = "Write it to a file first: it is looked at more than once."
        raise ConfigurationError(f"{path} is no file but a pipe or a device", remedy=remedy)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
        with _opened(path, packed=packed) as file:
            return packed, file.read(MAX_LINE)
    except (OSError, EOFError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigurationError(f"{path} cannot be read: {said}", remedy="Name a file with records.") from error


def _opened(path: Path, *, packed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def _texts(head: bytes) -> Sequence[str]:
    lines = head.split(b"\n", LOOKED_AT)[:LOOKED_AT]
    return [line.decode("utf-8", "replace") for line in lines if line.strip()]


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines, each bounded: of one that is too long, the rest is passed over. A packed file that ends too soon ends."""
    try:
        while line := file.readline(MAX_LINE):
            yield line.decode("utf-8", "replace").rstrip("\r\n")
            while len(line) == MAX_LINE and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE)
    except (EOFError, gzip.BadGzipFile, OSError):
        yield "\ufffd a file that ends too soon"


def _unknown(path: Path, found: str | None, head: bytes) -> ConfigurationError:
    if found is not None and found not in {*FORMATS, "pcap"}:
        return ConfigurationError(f"there is no format {found!r}", remedy=f"One of: {', '.join([*FORMATS, 'pcap'])}")
    if head[:4] == pcap.NEXT_GENERATION:
        remedy = f"Have it read as lines: tcpdump -nn -tt -r {path.name} > packets.txt"
        return ConfigurationError(f"{path} is a capture in pcapng", remedy=remedy)
    if not head:
        return ConfigurationError(f"{path} is empty", remedy="Name a file that holds records.")
    remedy = f"Say which it is, with --format: {', '.join([*FORMATS, 'pcap'])}"
    return ConfigurationError(f"{path} is in no format that is known here", remedy=remedy)
