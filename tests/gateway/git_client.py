"""Real Git in a home of its own, so that nobody's configuration or password store takes part."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class GitClient:
    """``git`` with an empty HOME below a directory of the test's."""

    directory: Path

    def run(self, *argv: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
            **more,
        }
        return subprocess.run(
            ["git", *IDENTITY, *argv],
            cwd=cwd or self.directory,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def must(self, *argv: str, cwd: Path | None = None, **more: str) -> str:
        """Run what has to succeed; what it printed."""
        done = self.run(*argv, cwd=cwd, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, work: Path, name: str, content: bytes) -> None:
        (work / name).write_bytes(content)
        self.must("add", name, cwd=work)
        self.must("commit", "-qm", f"Add {name}", cwd=work)
