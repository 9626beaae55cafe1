"""Entries in the formats of other programs: a function for each, from an entry to its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from stockade.errors import ConfigurationError
from stockade.events import Entry
from stockade.search.formats import cef, csv, ecs, jsonl, ocsf, timesketch


@dataclass(frozen=True, slots=True)
class Format:
    """What stands before all entries, and how an entry is written, with the end of its line."""

    line: Callable[[Entry], str]
    heading: str = ""


FORMATS: Final[Mapping[str, Format]] = {
    "jsonl": Format(jsonl.line),
    "csv": Format(csv.line, csv.HEADING),
    "ocsf": Format(ocsf.line),
    "ocsf-1.9": Format(ocsf.attested_line),
    "ecs": Format(ecs.line),
    "cef": Format(cef.line),
    "timesketch": Format(timesketch.line),
}


def format_of(name: str) -> Format:
    """The format of this name. Raises ConfigurationError."""
    if name not in FORMATS:
        near = get_close_matches(name.lower(), FORMATS, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"Write one of {', '.join(FORMATS)}."
        raise ConfigurationError(f"{name!r} is no format", remedy=remedy)
    return FORMATS[name]
