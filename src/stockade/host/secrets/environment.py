"""The environments of running programs: names of variables, and fingerprints of what telling ones hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stockade.host.oddity import Unseen
from stockade.host.secrets.files import owner_of
from stockade.host.secrets.found import Place, Sighting, Where
from stockade.host.secrets.scanning import Scanner

LONGEST: Final = 4 << 20
"""Octets of an environment that are looked at."""


def scan(scanner: Scanner, proc: Path = Path("/proc")) -> Iterator[Sighting | Unseen]:
    """What the programs of a machine have in their environments. Those that may not be read are counted."""
    shut = 0
    for folder in sorted((each for each in proc.iterdir() if each.name.isdecimal()), key=lambda each: int(each.name)):
        try:
            name = (folder / "comm").read_text("utf-8", "replace").strip()
            with (folder / "environ").open("rb") as file:
                data = file.read(LONGEST)
            owner = owner_of(folder.stat().st_uid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        except OSError:
            shut += 1
            continue
        yield from _variables(scanner, data, name, folder.name, owner)
    if shut:
        yield Unseen("environments", f"those of {shut} processes may not be read", "Run it as root.")


def _variables(scanner: Scanner, data: bytes, name: str, pid: str, owner: str) -> Iterator[Sighting]:
    for entry in data.split(b"\0"):
        variable, equals, _value = entry.decode("utf-8", "surrogateescape").partition("=")
        if not equals:
            continue
        text = f"{variable}={_value}"
        for each in scanner.look(text, f"environment:{variable}", whole=False):
            place = Place(Where.ENVIRONMENT, name, each.name or variable, f"process {pid}", owner)
            yield scanner.sighting(each, place)
