"""What runs, as ``/proc`` shows it: everything about each process, and the octets of what is on no disk any more."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from stockade.host.evidence.files import facts_of, file_source, said
from stockade.host.evidence.source import Facts, Source
from stockade.host.evidence.walking import Place
from stockade.host.patience import in_turn

DELETED: Final = " (deleted)"
TEXTS: Final = ("stat", "status", "cgroup", "limits", "mountinfo", "wchan", "loginuid", "sessionid", "oom_score_adj")
"""Files of a process that are kept as they are."""
LINKS: Final = ("exe", "cwd", "root")
PATIENCE: Final = 3.0
"""Seconds that one process is waited for."""
_ENOUGH: Final = 1 << 16
_MAPPED: Final = re.compile(r"^(\S+) ..x. \S+ (\S+) (\d+) +(.*) \(deleted\)$", re.MULTILINE)


def pids(place: Place) -> list[int]:
    """The processes that there are, by number."""
    try:
        return sorted(int(each) for each in os.listdir(place.real("/proc")) if each.isdecimal())
    except OSError:
        return []


def process_table(place: Place) -> Source:
    """All about every process: a line of JSON each. Of its environment only the names."""

    def read(facts: Facts) -> Iterator[bytes]:
        known = pids(place)
        facts["processes"] = len(known)
        for pid, told in in_turn(known, lambda pid: _process(place, pid), PATIENCE):
            silent = {"pid": pid, "unseen": f"something that it uses did not answer in {PATIENCE:g} s"}
            yield json.dumps(told or silent).encode() + b"\n"

    return Source("the process table", read)


def environments(place: Place) -> Source:
    """What every process was given for an environment, with the secrets in it; not ours, which holds the key with which
    evidence is stored.
    """

    def read(_facts: Facts) -> Iterator[bytes]:
        for pid in pids(place):
            if pid == os.getpid():
                continue
            with suppress(OSError):
                given = _start_of(place.real(f"/proc/{pid}/environ"), 1 << 20).rstrip(b"\0")
                if given:
                    values = [each.decode("utf-8", "surrogateescape") for each in given.split(b"\0")]
                    yield json.dumps({"pid": pid, "environ": values}).encode() + b"\n"

    return Source("the environments", read)


def lost_programs(place: Place, most: int) -> Iterator[Source]:
    """Programs that run and are on no disk: each once, however many processes run it."""
    seen: set[str] = set()
    for pid in pids(place):
        path = f"/proc/{pid}/exe"
        called, inode = _gone(place.real(path))
        if inode and inode not in seen:
            seen.add(inode)
            yield file_source(place.real(path), f"{path}: {called}", most, follow=True)


def lost_libraries(place: Place, most: int) -> Iterator[Source]:
    """Files that processes execute from, as libraries do, and that are on no disk."""
    seen: set[str] = set()
    for pid in pids(place):
        programs = _gone(place.real(f"/proc/{pid}/exe"))[0].removesuffix(DELETED)
        with suppress(OSError):
            maps = _start_of(place.real(f"/proc/{pid}/maps"), 8 << 20).decode("utf-8", "surrogateescape")
            for where, device, inode, called in _MAPPED.findall(maps):
                if called != programs and f"{device}/{inode}" not in seen:
                    seen.add(f"{device}/{inode}")
                    path = f"/proc/{pid}/map_files/{where}"
                    yield file_source(place.real(path), f"{path}: {called}{DELETED}", most, follow=True)


def lost_files(place: Place, most: int) -> Iterator[Source]:
    """Files that processes hold open, and that are on no disk."""
    seen: set[str] = set()
    for pid in pids(place):
        for number in _listed(place.real(f"/proc/{pid}/fd")):
            path = f"/proc/{pid}/fd/{number}"
            called, inode = _gone(place.real(path))
            if inode and inode not in seen:
                seen.add(inode)
                yield file_source(place.real(path), f"{path}: {called}", most, follow=True)


def networks(place: Place) -> Iterator[tuple[int, str]]:
    """One process of each network namespace, with the namespace."""
    seen: set[str] = set()
    for pid in pids(place):
        with suppress(OSError):
            space = os.readlink(place.real(f"/proc/{pid}/ns/net"))
            if space not in seen:
                seen.add(space)
                yield pid, space


def _gone(path: str) -> tuple[str, str]:
    """What a link of ``/proc`` leads to, and its inode when that is a file that no folder has any more."""
    try:
        called, found = os.readlink(path), os.stat(path)
    except OSError:
        return "", ""
    facts = facts_of(found)
    lost = facts["kind"] == "f" and (found.st_nlink == 0 or called.endswith(DELETED))
    return called, str(facts["inode"]) if lost else ""


def _process(place: Place, pid: int) -> Facts:
    folder = place.real(f"/proc/{pid}")
    told: Facts = {"pid": pid}
    for name in TEXTS:
        with suppress(OSError):
            told[name] = _start_of(f"{folder}/{name}", _ENOUGH).decode("utf-8", "surrogateescape")
    for name in LINKS:
        try:
            told[name] = os.readlink(f"{folder}/{name}")
        except OSError as error:
            told[f"{name}_unseen"] = said(error)
    with suppress(OSError):
        told["exe_file"] = facts_of(os.stat(f"{folder}/exe"))
    told["cmdline"] = _words(f"{folder}/cmdline")
    told["environ_names"] = [each.partition("=")[0] for each in _words(f"{folder}/environ")]
    told["ns"] = {each: _link(f"{folder}/ns/{each}") for each in _listed(f"{folder}/ns")}
    told["fd"] = {each: _link(f"{folder}/fd/{each}") for each in _listed(f"{folder}/fd")[:1000]}
    return told


def _words(path: str) -> list[str]:
    try:
        octets = _start_of(path, 1 << 18)
    except OSError:
        return []
    return [each.decode("utf-8", "surrogateescape") for each in octets.rstrip(b"\0").split(b"\0") if each]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _start_of(path: str, most: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        return file.read(most)
