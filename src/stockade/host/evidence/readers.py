"""Readers of ours, for what no file and no command tells by itself; an artifact names one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from stockade.host.evidence import proc
from stockade.host.evidence.artifact import Artifact, Choice
from stockade.host.evidence.files import facts_of, file_source, hashed
from stockade.host.evidence.source import Facts, Source
from stockade.host.evidence.walking import REMOTE, Place, found

Reader = Callable[[Artifact, Place], Iterator[Source]]
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "packet", "unix", "netlink", "icmp", "route",
                  "ipv6_route", "arp", "fib_trie", "nf_conntrack", "dev")  # fmt: skip
_SMALL: Final = ("/proc/sys/kernel/random/boot_id", "/proc/uptime", "/etc/timezone", "/etc/adjtime",
                 "/sys/class/rtc/rtc0/since_epoch",
                 "/sys/devices/system/clocksource/clocksource0/current_clocksource")  # fmt: skip


def _clock(_artifact: Artifact, place: Place) -> Iterator[Source]:
    """The machine's clocks at one moment, and how far the one on its board is from the one in the kernel."""

    def read(_facts: Facts) -> Iterator[bytes]:
        now, rtc = time.time(), _text(place.real("/sys/class/rtc/rtc0/since_epoch"))
        told: Facts = {
            "time": now,
            "since_boot": time.clock_gettime(time.CLOCK_BOOTTIME),
            "monotonic": time.monotonic(),
            "zone": time.tzname,
            "board_ahead": float(rtc) - now if rtc.isdecimal() else None,
        }
        with suppress(OSError):
            told["localtime"] = os.readlink(place.real("/etc/localtime"))
        told.update({path: _text(place.real(path)) for path in _SMALL})
        yield json.dumps(told, indent=1).encode() + b"\n"

    yield Source("the clocks", read)


def _sockets(artifact: Artifact, place: Place) -> Iterator[Source]:
    """The kernel's tables of sockets and routes, of every network namespace that a process is in."""
    for pid, space in proc.networks(place):
        for name in _TABLES:
            path = f"/proc/{pid}/net/{name}"
            if os.path.exists(place.real(path)):
                yield file_source(place.real(path), f"{path}: {space}", artifact.limits.each, follow=True)


def _powers(artifact: Artifact, place: Place) -> Iterator[Source]:
    """Files that give who runs them more rights: setuid, setgid, and capabilities; a line of JSON each."""

    def read(_facts: Facts) -> Iterator[bytes]:
        choice = Choice(kinds=frozenset("f"), leave_types=REMOTE)
        until = time.monotonic() + artifact.limits.seconds
        for path in found(place, ["/**"], choice):
            told = _power(place.real(path))
            if told:
                yield (
                    json.dumps({"path": path, **told, **hashed(place.real(path), artifact.limits.each)}).encode()
                    + b"\n"
                )
            if time.monotonic() > until:
                _facts["error"] = f"not all was looked at in {artifact.limits.seconds:.0f} s"
                return

    yield Source("files that give rights", read)


def _power(path: str) -> Facts:
    try:
        seen = os.lstat(path)
    except OSError:
        return {}
    capability = b""
    if seen.st_mode & 0o111:
        with suppress(OSError):
            capability = os.getxattr(path, "security.capability", follow_symlinks=False)
    if not seen.st_mode & 0o6000 and not capability:
        return {}
    return {**facts_of(seen), **({"capability": capability.hex()} if capability else {})}


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""


READERS: Final[Mapping[str, Reader]] = {
    "clock": _clock,
    "processes": lambda _artifact, place: iter([proc.process_table(place)]),
    "lost-programs": lambda artifact, place: proc.lost_programs(place, artifact.limits.each),
    "lost-libraries": lambda artifact, place: proc.lost_libraries(place, artifact.limits.each),
    "lost-files": lambda artifact, place: proc.lost_files(place, artifact.limits.each),
    "environments": lambda _artifact, place: iter([proc.environments(place)]),
    "sockets": _sockets,
    "powers": _powers,
}
"""The readers by name, the most fleeting first."""
