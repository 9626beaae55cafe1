"""Made-up machines: a root folder with files in it, and a database of dpkg that owns some of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


class Machine:
    """A root folder. Nothing in it is ever run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stanzas: list[str] = []

    def file(self, path: str, text: str = "", mode: int = 0o644) -> Path:
        place = self._within(path)
        place.write_text(text)
        place.chmod(mode)
        return place

    def link(self, path: str, target: str) -> Path:
        place = self._within(path)
        place.symlink_to(target)
        return place

    def _within(self, path: str) -> Path:
        """The place of a path; refuses one that a link of the made-up machine would lead out, to a real file."""
        place = (self.root / path.lstrip("/")).resolve()
        if not place.is_relative_to(self.root.resolve()):
            raise ValueError(f"{path} of the made-up machine is {place} of the real one")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def package(self, name: str, files: Mapping[str, str], settings: Mapping[str, str] | None = None) -> Path:
        """Install a package: its files, and what dpkg's database says of them."""
        info, settings = f"/var/lib/dpkg/info/{name}", settings or {}
        for path, text in {**files, **settings}.items():
            self.file(path, text, 0o755 if "bin/" in path else 0o644)
        self.file(f"{info}.list", "/.\n" + "".join(f"{path}\n" for path in {**files, **settings}))
        self.file(f"{info}.md5sums", "".join(f"{md5(text)}  {path[1:]}\n" for path, text in files.items()))
        stanza = f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n"
        if settings:
            stanza += "Conffiles:\n" + "".join(f" {path} {md5(text)}\n" for path, text in settings.items())
        self._stanzas.append(stanza)
        return self.file("/var/lib/dpkg/status", "\n".join(self._stanzas))


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
