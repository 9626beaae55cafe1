"""A machine made of files, folders that evidence goes to, and the flags taken off them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.host.evidence.folder import seal
from stockade.host.evidence.walking import Place
from tests.cli.terminal import terminal

__all__ = ["terminal"]


@pytest.fixture(autouse=True)
def _unsealed(tmp_path: Path) -> Iterator[None]:
    """Let the test's folder be removed."""
    yield
    for folder, _, names in os.walk(tmp_path):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                fd = os.open(path, os.O_RDONLY)
                seal(fd, on=False)
                os.close(fd)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small machine: two people, what runs by the clock, keys, a log and a link."""
    made = tmp_path / "machine"
    files = {
        "etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nwww:x:33:33::/srv:/bin/false\n",
        "etc/group": "root:x:0:\nann:x:1000:\n",
        "etc/crontab": "17 * * * * root run-parts /etc/cron.hourly\n",
        "etc/cron.d/updater": "*/5 * * * * root /tmp/.x\n",
        "root/.ssh/authorized_keys": "ssh-ed25519 AAAA root@elsewhere\n",
        "home/ann/.ssh/authorized_keys": "ssh-ed25519 BBBB ann\n",
        "home/ann/.ssh/id_ed25519": "a private key\n",
        "var/log/auth.log": "signed in\n" * 1000,
        "var/log/old/auth.log.1": "long ago\n",
    }
    for name, text in files.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (made / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    return made


@pytest.fixture
def place(root: Path) -> Place:
    return Place.at(root)
