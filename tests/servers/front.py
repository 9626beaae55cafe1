"""What every web server in front has: a port, a directory and a configuration that names both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import accepts, free_port, running, short_directory, wait_ready


@dataclass(frozen=True)
class FrontServer:
    """A running web server: the port it listens on, its directory, and the file with all it printed."""

    port: int
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "log"


StartFrontServer = Callable[[str], FrontServer]


@contextlib.contextmanager
def start_front(binary: str, *options: str, configuration: str) -> Iterator[FrontServer]:
    """Run a server until the end of the block; ``$PORT``, ``$DIR`` and ``$CONFIG`` are filled in everywhere."""
    with short_directory() as directory:
        front = FrontServer(free_port(), directory)
        places = {"$PORT": front.port, "$DIR": directory, "$CONFIG": directory / "config"}

        def filled_in(text: str) -> str:
            for name, value in places.items():
                text = text.replace(name, str(value))
            return text

        (directory / "config").write_text(filled_in(configuration))
        home = {"HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "XDG_DATA_HOME": str(directory)}
        with running(binary, *map(filled_in, options), env=home, log=front.log) as process:
            wait_ready(process, front.log, lambda: accepts(front.port))
            yield front
