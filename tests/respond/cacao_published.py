"""The JSON schemas of CACAO 2.0 that others publish, one file a kind of object, made into one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Above = tuple[tuple[Path, str], ...]


def schema(file: Path) -> dict[str, Any]:
    """The schema of a file with every reference, into the file or to another, replaced by what it refers to.

    Where a schema contains itself, anything goes at the second turn.
    """
    made: dict[str, Any] = _expanded(_read(file), file, ((file, ""),))
    return made


def _read(file: Path) -> Any:
    return json.loads(file.read_text())


def _expanded(node: Any, file: Path, above: Above) -> Any:
    if isinstance(node, list):
        return [_expanded(each, file, above) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        return _referred(reference, file, above)
    return {key: _expanded(each, file, above) for key, each in node.items() if key not in {"$id", "$defs"}}


def _referred(reference: str, file: Path, above: Above) -> Any:
    name, _, place = reference.partition("#")
    file = (file.parent / name).resolve() if name else file
    if (file, place) in above:
        return {}
    found = _read(file)
    for key in filter(None, place.split("/")):
        found = found[key]
    return _expanded(found, file, (*above, (file, place)))
