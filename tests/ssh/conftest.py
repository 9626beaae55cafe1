"""The forge of ``stockade serve``, and OpenSSH's server beside it that asks ``stockade ssh`` about every key."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.directory import BuiltinDirectory, Credential, CredentialKind
from tests.cli.terminal import Terminal
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

    @property
    def url(self) -> str:
        return "root@127.0.0.1:demo/hello.git"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for the module: each test makes the accounts and keys that it needs."""
    if os.geteuid() != 0:
        pytest.skip("sshd changes to the user who signs in, which needs root here")
    base = tmp_path_factory.mktemp("ssh")
    (base / "keys").mkdir()
    terminal = Terminal(base)
    with served(terminal, text=f'state = "{base}/state"\n') as forge:
        lines = terminal.run("ssh", "config", "--user", "root").out
        assert "AuthorizedKeysCommand /" in lines
        in_tmp = lines.replace("AuthorizedKeysCommand /", "AuthorizedKeysCommand /usr/bin/env /")  # sshd trusts no /tmp
        with start_sshd(in_tmp) as sshd, BuiltinDirectory(f"sqlite:///{base}/state/directory.sqlite3") as directory:
            yield House(forge, sshd, directory, GitClient(base), base)
