"""A process that has loaded what commands load, and becomes one of them for each that is asked for.

Python and its libraries take most of the time of a short command. Here they are loaded once; each command is still a
process of its own, with its own folder, environment and files. It is asked over a socket, by a line of JSON and three
open files: ``python -m tests.cli.warm``. It says where, and ends with whoever holds its standard input.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

from tests.source_tree import ROOT, SOURCE

LOCALE = "C.UTF-8"
PROGRAM = Path(sys.executable).with_name("stockade")
NOT_LOADED = {"migrations", "gateway", "__main__.py"}
"""What short commands have no use for."""


def run(words: Sequence[str], where: Path, environment: Mapping[str, str], given: str) -> tuple[int, str, str]:
    """Run ``stockade`` to its end; its exit code, and what it printed. Raises TimeoutError after two minutes."""
    with contextlib.ExitStack() as stack:
        files: list[IO[bytes]] = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given.encode())
        for file in files:
            file.seek(0)
        asking = stack.enter_context(socket.socket(socket.AF_UNIX))
        asking.settimeout(120)
        asking.connect(_started())
        asked = json.dumps({"words": list(map(str, words)), "where": str(where), "environment": dict(environment)})
        socket.send_fds(asking, [asked.encode() + b"\n"], [file.fileno() for file in files])
        code = int(stack.enter_context(asking.makefile()).readline())
        out, err = (_read(file) for file in files[1:])
    return code, out, err


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


@cache
def _started() -> str:
    """The socket of the process that a worker has, once it listens."""
    argv = [sys.executable, "-m", "tests.cli.warm"]
    kept = {"PATH": os.environ["PATH"], "LC_ALL": LOCALE, "TZ": "UTC"}
    process = subprocess.Popen(argv, cwd=ROOT, env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate, timeout=60)
    assert process.stdout is not None
    return process.stdout.readline().strip()


# ── the other process ────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Wait for what is asked, until standard input ends."""
    for path in sorted(SOURCE.rglob("*.py")):
        if NOT_LOADED.isdisjoint(path.parts):
            name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    place = Path(tempfile.mkdtemp(prefix="stockade-")) / "warm"
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as either:
        listening.bind(str(place))
        listening.listen(64)
        print(place, flush=True)
        either.register(listening, selectors.EVENT_READ)
        either.register(sys.stdin, selectors.EVENT_READ)
        while all(key.fileobj is listening for key, _ in either.select()):
            asking, _ = listening.accept()
            if not os.fork():
                listening.close()
                _answer(asking)
            asking.close()
    place.unlink()
    place.parent.rmdir()


def _answer(asking: socket.socket) -> NoReturn:
    """Have the command done by a process of its own, and tell how it has ended."""
    line, files, _, _ = socket.recv_fds(asking, 1 << 20, 3)
    while not line.endswith(b"\n"):
        line += asking.recv(1 << 20)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        asking.close()
        _become(json.loads(line), files)
    asking.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _become(asked: dict[str, Any], files: Sequence[int]) -> NoReturn:
    """Be the command that was asked for, as if Python had just begun."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["where"])
    time.tzset()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (_stream(number) for number in range(3))
    sys.modules["__main__"] = ModuleType("__main__")
    sys.argv = [str(PROGRAM), *asked["words"]]
    code = 1
    try:
        from stockade.cli import main as command

        command()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else ending.code is not None
    except BaseException:  # noqa: BLE001  as Python itself does with what nobody has caught
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _stream(number: int) -> io.TextIOWrapper:
    """One of the three, as Python opens it in this locale where nobody looks on."""
    raw = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115  a number is no path
    errors = "backslashreplace" if number == 2 else "surrogateescape"
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=number == 2)


if __name__ == "__main__":
    main()
