"""Machines looked at over SSH, all at once: one that cannot be reached is told as such, and the others go on."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Timer
from typing import Final, TypeVar

from stockade.errors import ConfigurationError, StockadeError, Tampered, Unavailable
from stockade.host.oddity import Unseen
from stockade.host.parcel import TOO_OLD, command, parcel
from stockade.host.picture import Picture
from stockade.host.pictured import read as read_picture
from stockade.host.triage.looking import Told
from stockade.host.triage.report import Report, few, reported
from stockade.host.triage.sent import LONGEST, read

PATIENCE: Final = 180.0
"""Seconds that a machine may take."""
AT_ONCE: Final = 16
"""Machines that are looked at at the same time."""
MOST: Final = 16 << 20
"""Octets of one machine's answer that are read."""
OPTIONS: Final = ("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5")


@dataclass(frozen=True, slots=True)
class Asked:
    """How machines are asked: the words that begin a call of ssh(1), whether by sudo there, whether thoroughly, and the
    seconds that each may take.
    """

    ssh: Sequence[str] = ("ssh",)
    sudo: bool = False
    thorough: bool = True
    patience: float = PATIENCE


T = TypeVar("T")
Pictured = tuple[Picture, tuple[Unseen, ...]]
"""The picture of a machine, and what could not be put into it."""
Known = tuple[Picture | None, tuple[Unseen, ...]]
"""The picture of a machine where there is one, and what is wrong with it."""


def unknown(_host: str) -> Known:
    """What is known of a machine where no pictures are kept."""
    return None, ()


def looked_at(
    hosts: Sequence[str], asked: Asked, hear: Callable[[str, Told], None], known: Callable[[str], Known] = unknown
) -> list[Report]:
    """Look at them; ``hear`` is told everything at once, from several threads, with the machine it is of. The reports
    come in the order of the names. Each is looked at in the light of its picture, where one is ``known``. Raises
    ConfigurationError for what is no name of a machine.
    """
    names = _names(hosts)
    pictures = {host: known(host) for host in names}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda host: _one(host, pictures[host], asked, partial(hear, host)), names))


def pictured(hosts: Sequence[str], asked: Asked, now: float) -> dict[str, Pictured | StockadeError]:
    """Take the pictures of machines; or why there is none. Raises ConfigurationError as ``looked_at`` does."""
    names = _names(hosts)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return dict(zip(names, threads.map(lambda host: _pictured(host, asked, now), names), strict=True))


def _names(hosts: Sequence[str]) -> list[str]:
    for host in hosts:
        if not host or host.startswith("-") or not host.isprintable() or " " in host:
            raise ConfigurationError(f"{host!r} is not the name of a machine", remedy="Write a name as ssh takes it.")
    return list(dict.fromkeys(hosts))


def _one(host: str, known: Known, asked: Asked, hear: Callable[[Told], None]) -> Report:
    picture, unseen = known
    sent = parcel(picture.octets() if picture else b"")

    def heard() -> Iterator[Told]:
        yield from unseen
        for told in _told(host, sent, asked, {"thorough": asked.thorough}, lambda lines: few(read(host, lines))):
            hear(told)
            yield told

    return reported(host, heard())


def _pictured(host: str, asked: Asked, now: float) -> Pictured | StockadeError:
    def understood(lines: Iterator[str]) -> Iterator[Pictured | StockadeError]:
        try:
            yield read_picture(host, now, lines)
        except StockadeError as error:
            yield error

    first, *more = _told(host, parcel(), asked, {"picture": True}, understood)
    missing = next((each for each in (*more, first) if isinstance(each, Unseen)), None)
    if missing is not None and not isinstance(first, Tampered):
        return Unavailable(f"{host}: {missing.why}", remedy=missing.remedy)
    assert not isinstance(first, Unseen)  # noqa: S101  that was what is missing
    return first


def _told(
    host: str, sent: bytes, asked: Asked, request: dict[str, object], understood: Callable[[Iterator[str]], Iterator[T]]
) -> Iterator[T | Unseen]:
    """What is ``understood`` of what a machine answers to a request; at the end, why that is not all."""
    there = command({"name": host, "patience": max(1, round(asked.patience)), **request}, sudo=asked.sudo)
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [*asked.ssh, *OPTIONS, "--", host, there],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        except OSError as error:
            yield Unseen(host, f"{asked.ssh[0]} cannot be run: {error.strerror}", "Install the client of OpenSSH.")
            return
        with process, limited(process, asked.patience) as late:
            _give(process, sent)
            yield from understood(_lines(process))
            code = _ended(process)
        complaints.seek(0)
        said = complaints.read(LONGEST).decode("utf-8", "backslashreplace")
    if code != 0:
        yield Unseen(host, *_why(code, said, asked, late=late.is_set()))


@contextmanager
def limited(process: subprocess.Popen[bytes], seconds: float) -> Iterator[Event]:
    """Kills a process that takes longer than the block may; tells then that it has."""
    late = Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = Timer(seconds, end)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _give(process: subprocess.Popen[bytes], sent: bytes) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended, and says why
            process.stdin.write(sent)
        with suppress(BrokenPipeError):
            process.stdin.close()


def _ended(process: subprocess.Popen[bytes]) -> int:
    """What it ends with; whoever has more to say than is read is ended."""
    if process.stdout is not None and process.stdout.read(1):
        process.kill()
    return process.wait()


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """What it says, a line at a time, and no more than is read of anybody."""
    if process.stdout is None:
        return
    left = MOST
    while left > 0 and (line := process.stdout.readline(LONGEST)):
        left -= len(line)
        yield line.decode("utf-8", "backslashreplace")


def _why(code: int, said: str, asked: Asked, *, late: bool) -> tuple[str, str]:
    """Why there is no answer, or no whole one, and what to do."""
    last = said.strip().splitlines()[-1][:200] if said.strip() else f"it ended with {code}"
    if late:
        return f"it took longer than {asked.patience:g} s", "Look there yourself, or allow more: --patience"
    if code == TOO_OLD:
        return f"its python3 is {last}; 3.11 is needed", "Look there with another Python, or by hand."
    if code == 255:
        return f"it cannot be reached: {last}", f"Try: {shlex.join(asked.ssh)} HOST true"
    if code == 127 or "python3: not found" in said:
        return "there is no python3", "Look there by hand."
    return last, "Look there yourself."
