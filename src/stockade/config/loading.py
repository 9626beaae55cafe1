"""Finds the configuration, reads it, and makes sure that it can be followed before anybody does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from stockade.config.building import answers_of, followed, rules_of
from stockade.config.settings import RULES, Settings, Stamp
from stockade.config.source import Place, Source, read_source
from stockade.config.tables import read_table
from stockade.errors import ConfigurationError
from stockade.guard.address import Addresses
from stockade.guard.policy import Policy

PLACES: Final = (Path("stockade.toml"), Path("/etc/stockade/stockade.toml"))


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file: the one named, else :func:`default_file`, else the defaults.

    Raises ConfigurationError with file, line and the nearest right name.
    """
    chosen = file or default_file(environ)
    if chosen is None:
        return Settings()
    stamp = stamp_of(chosen)
    return replace(read(read_source(chosen)), file=chosen.absolute(), stamp=stamp)


def stamp_of(file: Path | None) -> Stamp | None:
    """What changes when a file is written or replaced; None while it is away."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size) if found else None


def default_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of ``$STOCKADE_CONFIG``, else ``./stockade.toml``, else ``/etc/stockade/stockade.toml``, else None.

    Raises ConfigurationError for one that was not named and that others can change.
    """
    if named := environ.get("STOCKADE_CONFIG"):
        return Path(named)
    found = next((path for path in PLACES if path.is_file()), None)
    if found is not None:
        _refuse_strangers(found)
    return found


def _refuse_strangers(file: Path) -> None:
    """A file that nobody named is followed only when nobody else could have put it there: it may name what to write."""
    there = file.stat()
    by_group = there.st_mode & 0o020 and there.st_gid not in {0, os.getegid()}
    if there.st_uid not in {0, os.geteuid()} or there.st_mode & 0o002 or by_group:
        raise ConfigurationError(
            f"{file} can be changed by others than you and root", remedy=f"Look at it, then name it: --config {file}"
        )


def read(source: Source) -> Settings:
    """The settings that a text describes, and that a guard can follow. Raises ConfigurationError."""
    settings = read_table(Settings, source.table, source.place(), "")
    if "gitlab" in source.table and settings.effective_preset != "gitlab":
        raise source.place("gitlab").wrong(
            "[gitlab] changes a preset that is not in force", 'Write preset = "gitlab" above, or take [gitlab] out.'
        )
    _refuse_namesakes(settings, source.place())
    _try_rules(settings, source.place())
    return settings


def _refuse_namesakes(settings: Settings, root: Place) -> None:
    seen: dict[str, int | None] = {}
    for kind in RULES:
        for number, each in enumerate(getattr(settings, kind)):
            place = root / kind / number
            if each.name in seen:
                first = seen[each.name]
                raise (place / "name").wrong(
                    f'two rules are named "{each.name}"; the other is in line {first}',
                    "Give each rule a name of its own.",
                )
            seen[each.name] = root.source.line((*place.steps, "name"))


def _try_rules(settings: Settings, root: Place) -> None:
    """Build everything once, and say where it went wrong."""
    for kind in RULES:
        for number, each in enumerate(getattr(settings, kind)):
            try:
                each.rule()
            except ConfigurationError as error:
                raise (root / kind / number).wrong(error.message, error.remedy) from error
    try:
        rest = followed(settings)
        Addresses(rest["trusted_proxies"], rest["proxy_header"], rest["ipv6_prefix"])
        Policy(rules_of(settings))
        answers_of(settings)
    except ConfigurationError as error:
        raise root.wrong(error.message, error.remedy) from error
