"""Programs of the tests: where they are, how they start in a process group, and how the whole group ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import SystemRandom

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_LISTENING_PORTS = range(10_000 + _WORKER % _WORKERS, 20_000, _WORKERS)
"""Below what outgoing connections use, and so is + 10000, a cluster node's bus. Each worker has its own: another might
listen between our looking and our listening."""
_RANDOM = SystemRandom()  # Hypothesis seeds the ordinary one alike in every worker
_handed_out: set[int] = set()


class ProgramMissing(Exception):
    """A program that the suite needs is not installed; `make test` installs it."""


def program(name: str, package: str) -> str:
    """The path of an installed program; fails with the name of its Debian package when it is missing."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise ProgramMissing(f"{name} is not installed: run `make test`, or `apt-get install {package}`")
    return found


def free_port() -> int:
    """A loopback port that nothing listens on, never handed out twice by this process."""
    while True:
        port = _RANDOM.choice(_LISTENING_PORTS)
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port


def _is_free(port: int) -> bool:
    for number in (port, port + 10_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", number))
            continue
        return False
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for a condition; a refused connection counts as "not yet". Raises TimeoutError saying what did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.02)
    raise TimeoutError(f"after {seconds:g} s still waiting for {what}")


def wait_port(port: int, seconds: float = 60) -> None:
    """Wait until a loopback port accepts connections; raises TimeoutError."""
    wait_until(lambda: accepts(port), f"port {port}", seconds)


def accepts(port: int) -> bool:
    """Whether a loopback port accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@contextlib.contextmanager
def running(
    *argv: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group and end the whole group afterwards.

    Its output goes to the file ``log``, or nowhere. It also ends with this process, should that be killed.
    """
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
        process = subprocess.Popen(
            [*_dying_with_us(), *map(str, argv)],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        stack.callback(end, process)
        yield process


def _dying_with_us() -> list[str]:
    """The wrapper that has the kernel kill the program when its parent thread ends: of use only for the main thread."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    return ["setpriv", "--pdeathsig", "KILL", "--"] if on_main_thread else []


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group: politely, and after five seconds for certain."""
    for number in (signal.SIGCONT, signal.SIGTERM):
        signal_group(process, number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal every process of the group; a group that has ended is left in peace."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """A temporary directory whose path leaves room for a Unix socket's 107 bytes, open to daemons that drop root."""
    with tempfile.TemporaryDirectory(prefix="stockade-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def wait_ready(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a started program is ready; where it ends or dawdles instead, say what its log says."""

    def ready_or_ended() -> bool:
        return process.poll() is not None or ready()

    with contextlib.suppress(TimeoutError):
        wait_until(ready_or_ended, "a program", seconds)
        if process.poll() is None:
            return
    said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(f"{process.args!r} did not start:\n{said}")
