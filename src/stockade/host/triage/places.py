"""Where honest programs do not lie: folders that anybody can write into, and names that hide."""

from __future__ import annotations

import re
from typing import Final


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set to look names up in."""
    return frozenset(text.split())


OPEN: Final = ("/tmp/", "/var/tmp/", "/run/user/", "/run/lock/", "/run/shm/")  # noqa: S108  what is looked for
"""Folders that anybody, or at least any user, can put a program into."""
MEMORY: Final = ("/dev/",)
"""Where nothing is ever run from, and where what lies is gone with the power: ``/dev/shm`` above all."""
KNOWN_HIDDEN: Final = words(
    ".asdf .bun .cabal .cache .cargo .composer .conda .config .deno .docker .dotnet .gem .ghcup .gradle "
    ".julia .krew .linuxbrew .local .m2 .mozilla .nix-profile .npm .npm-global .nvm .opam .pnpm .pyenv "
    ".rbenv .rustup .rvm .sdkman .steam .stack .tfenv .tox .venv .virtualenvs .volta .vscode .vscode-server .wine .yarn"
)
"""Hidden folders in which known tools keep programs: in somebody's home, or in a project."""
UNPACKED: Final = re.compile(r"/(?:\.mount_[^/]+|go-build\d+|_MEI\w+|pip-[^/]+|node_modules|site-packages)/")
"""Where known tools put programs for as long as they run: AppImage, Go, PyInstaller, pip; and packages of languages."""
SYSTEM: Final = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/lib/", "/lib64/")
"""Where only packages put programs; ``/usr/local`` is the operator's own."""


def is_open(path: str) -> bool:
    """Whether anybody could have put it there."""
    return path.startswith(OPEN)


def is_memory(path: str) -> bool:
    """Whether it lies where nothing is ever run from."""
    return path.startswith(MEMORY)


def hides(path: str) -> str:
    """The part of a path that hides it from ``ls``, unless that is where a known tool keeps programs; else empty."""
    parts = path.split("/")
    hidden = (part for part in parts if part.startswith(".") and part not in KNOWN_HIDDEN)
    return "" if UNPACKED.search(path) else next(hidden, "")


def is_unpacked(path: str) -> bool:
    """Whether it lies where a known tool puts what it runs."""
    return bool(UNPACKED.search(path))


def is_system(path: str) -> bool:
    """Whether only packages put programs there."""
    return path.startswith(SYSTEM)


def folder(path: str) -> str:
    """The folder that something lies in."""
    return path.rpartition("/")[0] or "/"


def name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]
