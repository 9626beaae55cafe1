"""One rig for each kind of sink: the real other side, and how to make it fail."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from stockade.audit.record import body_of, line_of
from stockade.audit.sinks.appended import AppendedFile
from stockade.audit.sinks.attributes import set_append_only
from stockade.audit.sinks.carrier import Sink
from stockade.audit.sinks.parcels import Parcel
from tests.audit.conftest import ORIGIN, event


def line(number: int) -> bytes:
    """The line of an entry."""
    return line_of(number, "2027-01-15T08:00:00.000000Z", body_of(event(number)))


def parcel(first: int, end: int) -> Parcel:
    """Some entries, in a parcel."""
    return Parcel(ORIGIN, first, end, b"".join(line(number) + b"\n" for number in range(first, end)))


class Rig(Protocol):
    """The other side of one kind of sink."""

    def sink(self, deadline: float = 10.0) -> Sink: ...
    def received(self) -> list[int]:
        """The numbers of all entries that have arrived, in the order of their arrival."""

    def down(self) -> AbstractContextManager[None]: ...
    def hanging(self) -> AbstractContextManager[None]: ...


class FileRig:
    """An append-only file; its disk is full when it is down."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "copy.jsonl"

    def sink(self, deadline: float = 10.0) -> Sink:
        return AppendedFile(self.path)

    def received(self) -> list[int]:
        lines = self.path.read_bytes().splitlines()
        return [json.loads(each)["seq"] for each in lines if b'"seq"' in each]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.path.stat().st_size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)

    def hanging(self) -> AbstractContextManager[None]:
        raise NotImplementedError("a local file does not hang")

    def unseal(self) -> None:
        """Let the test's folder be removed."""
        if self.path.exists():
            with self.path.open("rb") as file:
                set_append_only(file.fileno(), on=False)


MakeRig = Callable[[], AbstractContextManager[Rig]]
