"""How a machine is kept up to date, as a configuration writes it: where release data is from, and what runs here."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stockade.config.kinds import PATH
from stockade.config.tables import named_tables, setting
from stockade.config.values import DURATION, FLAG, TEXT, TEXTS


@dataclass(frozen=True, kw_only=True)
class ApplicationTable:
    """An application that did not come with the distribution, and where its version is told."""

    name: str = setting(TEXT, "What you call it.")
    product: str = setting(TEXT, "What endoflife.date calls it, such as `gitlab`; its release data goes by that name.")
    version: str = setting(TEXT, "The version that runs.", "", shown_default="as the file or the command says")
    version_file: Path | None = setting(PATH, "A file that says the version.", None, shown_default="none")
    version_command: tuple[str, ...] = setting(
        TEXTS, 'A command that says it, run without a shell: ["nginx", "-v"].', (), shown_default="none"
    )
    reachable: bool = setting(FLAG, "Whether others can reach it: what is exploited is then urgent.", default=True)
    mended: tuple[str, ...] = setting(TEXTS, "Vulnerabilities that it does not have, as you have made sure.", ())


@dataclass(frozen=True, kw_only=True)
class UpdatesSettings:
    """Where release data is from. Where this table stands, `stockade serve` reminds, once, of each release that mends
    something here, and fetches what is under `sources`; nothing else is fetched unless it is asked for.
    """

    sources: tuple[str, ...] = setting(
        TEXTS, "Files, folders and https URLs of release data; `stockade updates refresh` reads them unless told.", ()
    )
    every: float = setting(DURATION, "How long the service waits between two looks.", 86_400.0)
    stale: float = setting(DURATION, "Release data that is older than this is said to be old.", 14 * 86_400.0)
    applications: tuple[ApplicationTable, ...] = setting(
        named_tables(ApplicationTable, "[[updates.applications]]"),
        "What did not come with the distribution, each under `[[updates.applications]]`.",
        (),
    )
