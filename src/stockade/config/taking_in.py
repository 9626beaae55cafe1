"""Other systems' logs as a configuration names them: each ``[[intake]]`` is one source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from stockade.config.source import Place
from stockade.config.values import Kind, meant, shown
from stockade.errors import ConfigurationError
from stockade.intake.settings import Source, sources_of

_WHERE: Final = re.compile(r".*?\[\[intake\]\] number \d+: ")


def _read(value: object, place: Place) -> tuple[Source, ...]:
    if not isinstance(value, list):
        raise place.wrong(f"{place.key} is {shown(value)}", "Write it under a heading [[intake]].")
    found, named = list[Source](), set[str]()
    for at, each in enumerate(value):
        source = _source(each, place / at)
        if source.name in named:
            raise (place / at / "name").wrong(
                f"two sources are named {shown(source.name)}", "Give each a name of its own; events bear it."
            )
        named.add(source.name)
        found.append(source)
    return tuple(found)


def _source(table: Any, place: Place) -> Source:
    if not isinstance(table, Mapping):
        raise place.wrong(f"[[intake]] is {shown(table)}, not a table")
    try:
        return _known(sources_of([table], where="")[0], place)
    except ConfigurationError as error:
        if _WHERE.match(error.message) is None:
            raise
        said = _WHERE.sub("", error.message, count=1)
        setting = next((key for key in table if re.search(rf"\b{re.escape(key)}\b", said)), None)
        raise (place / setting if setting else place).wrong(said, error.remedy) from error


def _known(source: Source, place: Place) -> Source:
    """The source, when its format is one that can be read."""
    from stockade.intake.formats import FORMATS

    known, name = [*FORMATS, "json"], getattr(source, "format", "json")
    if name not in known:
        raise (place / "format").wrong(
            f"no format is named {shown(name)}{meant(name, known)}", f"Write one of {', '.join(known)}."
        )
    return source


INTAKE: Final[Kind[tuple[Source, ...]]] = Kind("[[intake]]", _read)
