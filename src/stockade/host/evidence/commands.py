"""Commands are run by their whole path, in a clean environment, for so long and so much output and no more."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from stockade.host.evidence.files import hashed, said
from stockade.host.evidence.source import CHUNK, Facts, Source

FOLDERS: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where programs are looked for: never where somebody's own PATH says."""
ENVIRONMENT: Final = {"PATH": ":".join(FOLDERS), "LC_ALL": "C", "LANG": "C", "TZ": "UTC", "HOME": "/"}
LONGEST: Final = 2000
"""Characters of its complaints that are kept."""
PARTING: Final = 2.0
"""Seconds that a program has to end after it has said everything."""
_PROGRAM: Final = 64 << 20


def program(name: str) -> str | None:
    """The whole path of a program; None when it is not there."""
    paths = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in FOLDERS]
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def command_source(argv: Sequence[str], most: int, seconds: float) -> Source:
    """What a command prints, ``most`` octets of it, and how it ended."""

    def read(facts: Facts) -> Iterator[bytes]:
        path = program(argv[0])
        if path is None:
            facts["absent"] = f"{argv[0]} is not installed"
            return
        facts["program"], facts["program_sha256"] = path, hashed(os.path.realpath(path), _PROGRAM).get("sha256", "")
        try:
            yield from _run([path, *argv[1:]], most, seconds, facts)
        except OSError as error:
            facts["error"] = said(error)

    return Source(shlex.join(argv), read)


def shell(script: str, seconds: float, most: int = 1 << 20) -> tuple[int, bytes]:
    """Run a line of the shell: its exit code and what it printed."""
    facts: Facts = {}
    told = b"".join(_run(["/bin/sh", "-c", script], most, seconds, facts))
    code = facts.get("exit")
    return (code if isinstance(code, int) else 1), told


def _run(argv: Sequence[str], most: int, seconds: float, facts: Facts) -> Iterator[bytes]:
    started = subprocess.Popen(
        argv, env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, bufsize=0,
    )  # fmt: skip
    complaints = bytearray()
    try:
        left = most
        for chunk in _heard(started, complaints, time.monotonic() + seconds, facts):
            yield chunk[:left]
            left -= len(chunk)
            if left < 0:
                facts["cut"] = most
                break
    finally:
        _end(started, facts)
        if complaints:
            facts["stderr"] = complaints.decode("utf-8", "replace")[:LONGEST]


def _heard(started: subprocess.Popen[bytes], complaints: bytearray, until: float, facts: Facts) -> Iterator[bytes]:
    """What it prints; what it complains of is kept beside."""
    with selectors.DefaultSelector() as ears:
        for pipe in filter(None, (started.stdout, started.stderr)):
            ears.register(pipe, selectors.EVENT_READ)
        while ears.get_map():
            ready = ears.select(max(0.0, until - time.monotonic()))
            if not ready:
                facts["error"] = "it took too long, and was ended"
                return
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    ears.unregister(key.fileobj)
                elif key.fileobj is started.stderr:
                    complaints.extend(chunk[: LONGEST - len(complaints)])
                else:
                    yield chunk


def _end(started: subprocess.Popen[bytes], facts: Facts) -> None:
    """Nothing of it goes on."""
    for pipe in (started.stdout, started.stderr):
        if pipe is not None:
            pipe.close()
    try:
        facts["exit"] = started.wait(0 if "error" in facts or "cut" in facts else PARTING)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        facts["exit"] = started.wait()
