"""The real command in a directory of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.cli import warm

PROGRAM = Path(sys.executable).with_name("stockade")
COLD = {"serve", "host", "ssh", "drill"}
"""Commands that look at, or start, processes: they are run as a shell runs them."""


@dataclass(frozen=True)
class Said:
    """What a command printed, and the code it ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def screen(self) -> str:
        """What it printed, with everything that changes from run to run made the same."""
        text = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", self.out)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "YYYY-MM-DD HH:MM", text)
        text = re.sub(r"\b(?:\d+ (?:d|h|min|s)\b ?)+(?=ago|,)", "TIME ", text)
        return "\n".join(line.rstrip() for line in text.replace("TIME ,", "TIME,").splitlines()) + "\n"


@dataclass(frozen=True)
class Terminal:
    """Runs ``stockade`` as a person would, 100 columns wide."""

    directory: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, text: str, name: str = "stockade.toml") -> Path:
        """Put a file into the directory; ``stockade.toml`` is found there."""
        file = self.directory / name
        file.write_text(dedent(text))
        return file

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ours = {"STOCKADE_STATE": str(self.directory / "state"), "COLUMNS": "100", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        return kept | ours | self.environ

    def run(self, *words: str, given: str = "") -> Said:
        """Run one command to its end."""
        if words and words[0] not in COLD and self.environment["LC_ALL"] == warm.LOCALE:
            return Said(*warm.run(words, self.directory, self.environment, given))
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=self.directory,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def __call__(self, line: str, given: str = "") -> Said:
        """Run a line without quotes in it."""
        return self.run(*line.split(), given=given)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )


MakeTerminal = Callable[[], Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal in an empty directory, without a configuration."""
    return Terminal(tmp_path)
