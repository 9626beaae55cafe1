"""Real skopeo with credentials of its own, against the gateway's registry."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import program


@dataclass(frozen=True)
class Skopeo:
    """``skopeo`` that keeps what it is told below a directory of the test's."""

    directory: Path
    port: int

    @property
    def registry(self) -> str:
        return f"127.0.0.1:{self.port}"

    def image(self, name: str) -> str:
        return f"docker://{self.registry}/{name}"

    def run(self, verb: str, *argv: str) -> subprocess.CompletedProcess[str]:
        binary = program("skopeo", "skopeo")
        environment = {"HOME": str(self.directory), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(self.directory)}
        return subprocess.run(
            [binary, "--override-os", "linux", verb, *argv],
            env=environment,
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def login(self, name: str, secret: str) -> subprocess.CompletedProcess[str]:
        return self.run("login", *self._file, "--tls-verify=false", "-u", name, "-p", secret, self.registry)

    def push(self, layout: Path, name: str) -> subprocess.CompletedProcess[str]:
        return self.run("copy", "-q", *self._file, "--dest-tls-verify=false", f"oci:{layout}:v1", self.image(name))

    def pull(self, name: str, into: Path) -> subprocess.CompletedProcess[str]:
        return self.run("copy", "-q", *self._file, "--src-tls-verify=false", self.image(name), f"dir:{into}")

    @property
    def _file(self) -> tuple[str, str]:
        return ("--authfile", str(self.directory / "auth.json"))
