"""The harmless twins of what is looked for, read from ``harmless.toml``: ports and names that explain themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

OURS = "it is a name or port known for it: "


@dataclass(frozen=True)
class Twins:
    """What explains a conversation: by ``protocol port``, and by the end of a name."""

    ports: Mapping[str, str]
    inside: Mapping[str, str]
    open: Mapping[str, str]
    names: Mapping[str, str]
    zones: Mapping[str, str]

    def of_port(self, port: int, protocol: str, *, inside: bool) -> str:
        """Why a port is called at regular times; empty when nothing is known."""
        at = f"{port}/{protocol}"
        return self.ports.get(at, "") or (self.inside.get(at, "") if inside else "")

    def of_name(self, name: str, *, zone: bool = False) -> str:
        """Why a name is called, or a zone asked for; empty when nothing is known."""
        return next((self.names.get(end) or (self.zones.get(end, "") if zone else "") for end in _ends(name)
                     if end in self.names or (zone and end in self.zones)), "")  # fmt: skip


def _ends(name: str) -> Iterator[str]:
    labels = name.lower().rstrip(".").split(".")
    return (".".join(labels[at:]) for at in range(len(labels)))


@cache
def twins() -> Twins:
    """Those that come with Stockade."""
    said = tomllib.loads(files("stockade.host.traffic").joinpath("harmless.toml").read_text("utf-8"))
    ports, names = said["port"], said["name"]
    return Twins(
        _by("at", ports, lambda each: not each.get("inside") and not each.get("open")),
        _by("at", ports, lambda each: bool(each.get("inside"))),
        _by("at", ports, lambda each: bool(each.get("open"))),
        _by("ends", names, lambda each: not each.get("names_only")),
        _by("ends", names, lambda each: bool(each.get("names_only"))),
    )


def _by(key: str, tables: list[dict[str, Any]], chosen: Any) -> dict[str, str]:
    return {value: each["says"] for each in tables if chosen(each) for value in each[key]}
