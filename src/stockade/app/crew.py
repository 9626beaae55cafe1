"""The processes of a server: forked from one parent, which starts another where one has died, and ends them all."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from stockade.errors import StockadeError

HELD: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""What is held back while a process is forked; each begins to heed them itself."""

_log = logging.getLogger("stockade.serving")


@dataclass(frozen=True)
class Role:
    """What a process is called, and what it does until SIGTERM.

    Those of a lower ``rank`` serve the others, and so end after them.
    """

    name: str
    work: Callable[[], None]
    rank: int = 1


class Crew:
    """``start`` each role, then ``keep`` them all."""

    def __init__(self) -> None:
        self._born: dict[int, tuple[Role, float]] = {}

    def start(self, role: Role) -> None:
        """Fork with signals held back until the process heeds them: one in the midst of it would be lost in hooks and
        loops.
        """
        held = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        process = os.fork()
        if process == 0:
            with _ending_here(role):
                _call_me(role.name)
                role.work()
        self._born[process] = role, time.monotonic()
        signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def keep(self) -> None:
        """Replace who dies, until an exception ends that; a hangup is passed on to all."""
        signal.signal(signal.SIGHUP, self._pass_on)
        while True:
            process, status = os.wait()
            if process not in self._born:
                continue  # the container registry, a child of ours too
            role, born = self._born.pop(process)
            lived = time.monotonic() - born
            _log.error("%s, process %d, has died (status %d) after %.0f s; starting another",
                       role.name, process, status, lived)  # fmt: skip
            time.sleep(0 if lived > 1 else 1)
            self.start(role)

    def end(self) -> None:
        """End them all; harmless when they have ended."""
        for rank in sorted({role.rank for role, _ in self._born.values()}, reverse=True):
            ending = [process for process, (role, _) in self._born.items() if role.rank == rank]
            for process in ending:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)
            for process in ending:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process, 0)
                del self._born[process]

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for process in self._born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


def _call_me(name: str) -> None:
    """Have ``ps`` and ``top`` show who is who, as far as the 15 letters go that Linux has room for."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)


@contextlib.contextmanager
def _ending_here(role: Role) -> Iterator[None]:
    """Never go back into what the parent was doing."""
    code = 1
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        yield
        code = 0
    except (KeyboardInterrupt, SystemExit):
        code = 0
    except StockadeError as error:
        _log.error("%s has failed: %s", role.name, error)
    except BaseException:
        _log.exception("%s has failed", role.name)
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)
