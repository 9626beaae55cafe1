"""One contestant in a process of its own: for every line it is sent it runs a round, and answers with the figure.

``python -m bench.contestant bench.peers.limits 10000``. A contestant's module has a function ``contestant()`` that
answers a :data:`bench.rounds.Round`; what is not Python speaks the same lines.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from typing import IO, Final

from bench.rules import clients

ROOT: Final = Path(__file__).resolve().parent.parent


class Contestant:
    """The other end: a started contestant."""

    def __init__(self, process: Popen[str], said: IO[str]) -> None:
        self.process, self.said = process, said

    def round(self) -> float:
        """Microseconds a decision of one more round."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.said.seek(0)
            raise RuntimeError(f"{self.process.args!r} ended in the middle of a round:\n{self.said.read()[-2000:]}")
        return float(line)


@contextlib.contextmanager
def started(*argv: str | Path) -> Iterator[Contestant]:
    """Start a contestant, warm it with one round, and end it with the block. What it says on the side is shown only if
    it ends too soon.
    """
    with (
        TemporaryFile("w+") as said,
        Popen(list(map(str, argv)), stdin=PIPE, stdout=PIPE, stderr=said, text=True, cwd=ROOT) as process,
    ):
        try:
            contestant = Contestant(process, said)
            contestant.round()
            yield contestant
        finally:
            process.terminate()


def in_python(module: str, number: int) -> tuple[str, ...]:
    """The command line of a contestant in Python."""
    return sys.executable, "-m", "bench.contestant", module, str(number)


def serve(module: str, number: int) -> None:
    """Run a round for every line on the standard input."""
    run, everybody = import_module(module).contestant(), clients(number)
    for _ in sys.stdin:
        print(run(everybody), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
