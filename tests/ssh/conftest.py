"""The forge of ``stockade serve``, and OpenSSH's server beside it that asks ``stockade ssh`` about every key."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from stockade.directory import BuiltinDirectory, Credential, CredentialKind
from tests.cli.terminal import PROGRAM, Terminal
from tests.cli.test_serve import Forge, served
from tests.gateway.git_client import GitClient
from tests.servers.processes import program
from tests.servers.sshd import Sshd, start_sshd


@dataclass(frozen=True)
class House:
    """What runs, and the database that it all looks into."""

    forge: Forge
    sshd: Sshd
    directory: BuiltinDirectory
    git: GitClient
    base: Path

    def make_key(self, name: str) -> str:
        """A new key pair; the public half."""
        file = self.base / "keys" / name
        argv = [program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)]
        subprocess.run(argv, check=True)
        return file.with_suffix(".pub").read_text().strip()

    def add_key(
        self,
        name: str,
        holder: str | None,
        *,
        within: str | None = None,
        writes: bool = False,
        expires: float | None = None,
    ) -> Credential:
        """A new key pair whose public half the directory knows."""
        kind = CredentialKind.SSH_KEY if holder else CredentialKind.DEPLOY_KEY
        public = self.make_key(name)
        return self.directory.add_key(holder, name, public, kind=kind, within=within, writes=writes, expires=expires)

    def with_key(self, name: str) -> str:
        """How Git calls ssh with this key."""
        known = f"{self.base}/known_hosts"
        options = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={known}", "IdentitiesOnly=yes", "LogLevel=ERROR")
        words = [word for option in options for word in ("-o", option)]
        argv = [program("ssh", "openssh-client"), "-F", "none", *words, "-i", str(self.base / "keys" / name)]
        return shlex.join([*argv, "-p", str(self.sshd.port)])

    def run(self, key: str, *argv: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Git with a key."""
        return self.git.run(*argv, cwd=cwd, GIT_SSH_COMMAND=self.with_key(key), **more)

    def ssh(self, key: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A command over SSH, with a key."""
        argv = [*shlex.split(self.with_key(key)), "root@127.0.0.1", *command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)

    def start(self, key: str, *command: str) -> subprocess.Popen[bytes]:
        """The same, which waits for more from us."""
        argv = [*shlex.split(self.with_key(key)), "root@127.0.0.1", *command]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @cached_property
    def command(self) -> str:
        """The line of sshd's configuration that asks."""
        lines = self.forge.terminal.run("ssh", "config", "--user", "root").out.splitlines()
        return next(line for line in lines if "AuthorizedKeysCommand " in line)

    def asks(self, user: str, kind: str, key: str, *, alone: bool = False) -> str:
        """What sshd is told of a key, by the command in its configuration; ``alone`` as if no server ran."""
        argv = shlex.split(self.command.replace("%u", user).replace("%t", kind).replace("%k", key))[1:]
        if alone:
            argv = [f"{word}-gone" if word == f"{self.base}/state/ssh" else word for word in argv]
        terminal = self.forge.terminal
        ran = subprocess.run(
            argv, cwd=terminal.directory, env=terminal.environment, capture_output=True, text=True, check=True
        )
        return ran.stdout

    def serves_alone(self, key: Credential, asked: str) -> subprocess.Popen[bytes]:
        """The command that sshd runs, as if no server ran."""
        terminal = self.forge.terminal
        argv = [str(PROGRAM), "ssh", "serve", str(key.fingerprint)]
        environment = terminal.environment | {"SSH_ORIGINAL_COMMAND": asked, "SSH_CONNECTION": "127.0.0.1 1 ::1 2"}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=terminal.directory, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
        )

    @property
    def url(self) -> str:
        return "root@127.0.0.1:demo/hello.git"


@pytest.fixture(scope="module")
def more() -> str:
    """What the configuration of the house says beside where its state is."""
    return ""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, more: str) -> Iterator[House]:
    """One for the module: each test makes the accounts and keys that it needs."""
    if os.geteuid() != 0:
        pytest.skip("sshd changes to the user who signs in, which needs root here")
    base = tmp_path_factory.mktemp("ssh")
    (base / "keys").mkdir()
    terminal = Terminal(base)
    with served(terminal, text=f'state = "{base}/state"\n{more}') as forge:
        lines = terminal.run("ssh", "config", "--user", "root").out
        assert "AuthorizedKeysCommand /" in lines
        in_tmp = lines.replace("AuthorizedKeysCommand /", "AuthorizedKeysCommand /usr/bin/env /")  # sshd trusts no /tmp
        with start_sshd(in_tmp) as sshd, BuiltinDirectory(f"sqlite:///{base}/state/directory.sqlite3") as directory:
            yield House(forge, sshd, directory, GitClient(base), base)
