"""A reader who does all that a page says, in an empty directory, and looks whether it comes true.

* A ``python``, ``yaml`` or ``toml`` block that begins with ``# some/file.py`` is written into that file, at its end
  when there is one. Any other Python is run at once, after that before it.
* A ``console`` block is typed, ``$`` by ``$``, and must answer what follows. ``…`` stands for anything within a line,
  alone on a line for any number of lines. A server is left running until the next one starts.
* ``pip install`` is believed when all it names is installed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any, Self

from tests.servers.processes import accepts, free_port, running, wait_ready, wait_until
from tests.source_tree import ROOT

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<name>[\w./-]+\.\w+)\n")
WRITTEN = ("python", "yaml", "toml")
SERVERS = ("uvicorn ", "gunicorn ", "flask run", "flask --app main run", "python manage.py runserver", "stockade serve")
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in FENCE.finditer(page):
        yield Block(found["language"], textwrap.dedent(found["text"]), page.count("\n", 0, found.start()) + 1)


@dataclass
class Reader:
    """``Reader(directory).follow(page)``; use as a context, so that servers end."""

    place: Path
    variables: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    port: int = field(default_factory=free_port)
    ending: ExitStack = field(default_factory=ExitStack)
    exported: dict[str, str] = field(default_factory=dict)
    said: str = ":8000"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.close()

    def follow(self, page: str) -> None:
        """Do everything, in order. Raises AssertionError naming the line where the page is wrong."""
        self.said = ":8080" if ":8080" in page else ":8000"
        for block in blocks(page):
            if block.language in WRITTEN and (found := FILE.match(block.text)):
                self._write(found["name"], block.text)
            elif block.language == "python":
                self._python(block)
            elif block.language == "console":
                self._console(block)

    def _python(self, block: Block) -> None:
        with chdir(self.place):
            exec(compile("\n" * block.line + block.text, "<page>", "exec"), self.variables)

    def _write(self, name: str, text: str) -> None:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(self._here(text))

    def _console(self, block: Block) -> None:
        for typed in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = typed.partition("\n")
            wanted = "\n".join(line.rstrip() for line in expected.rstrip().splitlines())
            answered = self._type(command)
            if isinstance(answered, Path):  # the log of a server, which may say what it likes
                self._wait_for(wanted, answered)
            else:
                assert _pattern(wanted).fullmatch(answered), f"line {block.line}: {command}\n{answered}"

    def _wait_for(self, wanted: str, log: Path) -> None:
        pattern = _pattern(wanted or "…")
        wait_until(lambda: bool(pattern.fullmatch(self._there(log.read_text()))), f"a server to say {wanted!r}")

    def _type(self, command: str) -> str | Path:
        """What a command prints, or the log of a server that it starts."""
        if command.startswith("pip install"):
            return _believe(command)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.exported[name] = "".join(shlex.split(value))
            return ""
        if command.startswith("make "):
            return self._make(command)
        if command.startswith(SERVERS):
            return self._serve(self._here(command), self.place)
        return self._run(command)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self._here(command)], cwd=self.place, env=self._env(), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return self._there(done.stdout)

    def _make(self, command: str) -> str | Path:
        """What make would do, short of making itself ready; of that, only serving is done."""
        dry = [*command.split(), "--dry-run", f"ARGS=--listen 127.0.0.1:{self.port}"]
        path = {"PATH": os.environ["PATH"]}
        said = subprocess.run(dry, cwd=ROOT, env=path, check=True, capture_output=True, text=True).stdout
        return self._serve(said.splitlines()[-1].removeprefix("exec "), ROOT) if command == "make serve" else ""

    def _serve(self, command: str, where: Path) -> Path:
        self.ending.close()
        log = self.place / "server.log"
        log.write_text("")
        process = self.ending.enter_context(
            running("bash", "-c", f"exec {command}{self._listening(command)}", cwd=where, env=self._env(), log=log)
        )
        wait_ready(process, log, lambda: accepts(self.port))
        return log

    def _listening(self, command: str) -> str:
        """What has those servers listen at a free port that no variable tells it."""
        if command.endswith("runserver"):
            return f" 127.0.0.1:{self.port} --noreload"
        return f" --listen 127.0.0.1:{self.port}" if command.startswith("stockade serve") else ""

    def _here(self, text: str) -> str:
        """The page's port becomes one that is free, and back again."""
        return re.sub(r"(?<=:)(?:8000|8080)\b", str(self.port), text)

    def _there(self, text: str) -> str:
        lines = text.replace(f":{self.port}", self.said).rstrip().splitlines()
        return "\n".join(line.rstrip() for line in lines)

    def _env(self) -> dict[str, str]:
        port = str(self.port)
        servers = {
            "UVICORN_PORT": port,
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
            "FLASK_RUN_PORT": port,
        }
        found = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.place), "PYTHONPATH": str(self.place)}
        return {**found, **servers, "PYTHONUNBUFFERED": "1", "COLUMNS": "120", **self.exported}


def _believe(command: str) -> str:
    """All that is named is there; Stockade by a path, as it is in no index; and quotes keep ``[`` from zsh."""
    for asked in shlex.split(command.removeprefix("pip install")):
        name, _, extras = asked.rstrip("]").partition("[")
        assert name != "stockade", f"{asked}: in no index yet"
        assert "[" not in asked or f'"{asked}"' in command, f"{asked} is not quoted"
        name = Path(name).name
        version(name)
        known = " ".join(requires(name) or ())
        assert all(f"extra == '{extra}'" in known.replace('"', "'") for extra in extras.split(",") if extra), asked
    return ""


def _pattern(wanted: str) -> re.Pattern[str]:
    lines = [
        ".*" if line.strip() == "…" else ".*?".join(map(re.escape, line.split("…"))) for line in wanted.split("\n")
    ]
    return re.compile("\n".join(lines), re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """The parts of a page by their headings of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def page(name: str) -> str:
    """A page of the repository."""
    return (ROOT / name).read_text()
