"""OpenSSH's server with a configuration of its own: keys only or passwords, on loopback, its log in a file.

sshd writes to standard error what it would tell syslog, so each line is given the head that syslog gives it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import accepts, free_port, program, running, short_directory, wait_ready

_CONFIGURATION = """\
Port $PORT
ListenAddress 127.0.0.1
HostKey $DIR/host
AuthorizedKeysFile $DIR/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication yes
LogLevel VERBOSE
MaxAuthTries 3
"""


@dataclass(frozen=True)
class Sshd:
    """A running server; ``said`` is what it has told so far, a message a line."""

    port: int
    directory: Path

    @property
    def said(self) -> list[str]:
        return (self.directory / "log").read_text(errors="replace").splitlines()

    def knock(self, user: str, key: str, *options: str) -> int:
        """Try to sign in with a key of the directory; answers the client's exit code."""
        known = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={self.directory}/known", "IdentitiesOnly=yes")
        words = [word for option in (*known, *options) for word in ("-o", option)]
        where = ("-p", str(self.port), "-i", str(self.directory / key), f"{user}@127.0.0.1", "true")
        command = [program("ssh", "openssh-client"), "-F", "none", *words, *where]
        return _code(command, None)

    def guess(self, user: str, password: str) -> int:
        """Try to sign in with a password."""
        ask = self.directory / "ask"
        ask.write_text(f"#!/bin/sh\necho '{password}'\n")
        ask.chmod(0o700)
        words = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={self.directory}/known", "NumberOfPasswordPrompts=2"]
        words += ["PubkeyAuthentication=no", "PreferredAuthentications=password"]
        options = [word for option in words for word in ("-o", option)]
        where = ("-p", str(self.port), f"{user}@127.0.0.1", "true")
        asking = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0", "PATH": "/usr/bin:/bin"}
        return _code([program("ssh", "openssh-client"), "-F", "none", *options, *where], asking)


def _code(command: list[str], environment: dict[str, str] | None) -> int:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, env=environment
    )
    return done.returncode


@contextlib.contextmanager
def start_sshd(more: str = "") -> Iterator[Sshd]:
    """Run it until the end of the block; ``good`` is a key that root may use, ``bad`` one that nobody may. ``more`` are
    further lines of its configuration.
    """
    binary = program("sshd", "openssh-server")
    with short_directory() as directory:
        for name in ("host", "good", "bad"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", directory / name]
            subprocess.run(argv, check=True, capture_output=True)
        (directory / "authorized").write_bytes((directory / "good.pub").read_bytes())
        port = free_port()
        text = _CONFIGURATION.replace("$PORT", str(port)).replace("$DIR", str(directory))
        (directory / "config").write_text(text + "PermitRootLogin yes\n" + more)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks itself into; it ends without
        with running(binary, "-D", "-e", "-f", directory / "config", log=directory / "log") as process:
            wait_ready(process, directory / "log", lambda: accepts(port))
            yield Sshd(port, directory)
