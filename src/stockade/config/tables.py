"""A TOML table becomes a frozen dataclass whose fields say what they take, what they default to, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, TypeVar, cast

from stockade.config.source import Place
from stockade.config.values import Kind, meant, shown

D = TypeVar("D")
KIND, MEANING, SHOWN = "kind", "meaning", "shown"


def setting(kind: Kind[Any], meaning: str, default: Any = MISSING, *, shown_default: str | None = None) -> Any:
    """A field that is a setting; without a default it must be written. ``shown_default`` says one that depends."""
    metadata = {KIND: kind, MEANING: meaning, SHOWN: shown_default}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def settings_of(shape: type[Any]) -> list[Field[Any]]:
    """The settings of a shape, in order."""
    return [f for f in fields(shape) if KIND in f.metadata]


def is_required(found: Field[Any]) -> bool:
    """Must it be written?"""
    return found.default is MISSING and found.default_factory is MISSING


def read_table(shape: type[D], value: object, place: Place, title: str) -> D:
    """The dataclass that a table describes. Raises ConfigurationError at the first thing wrong in it.

    ``title`` is what errors call the table: ``[[throttle]] "sign-in"``.
    """
    if not isinstance(value, Mapping):
        raise place.wrong(f"{place.key} is {shown(value)}, not a table", f"Write it under a heading {title}.")
    known = {f.name: f for f in settings_of(cast("type[Any]", shape))}
    for name in value:
        if name not in known:
            raise unknown(name, known, place / name, title)
    for name, found in known.items():
        if name not in value and is_required(found):
            raise place.wrong(f'{title} has no "{name}"', f"Add {name} = …  ({found.metadata[KIND].said}).")
    read = {name: known[name].metadata[KIND].read(each, place / name) for name, each in value.items()}
    return shape(**read)


def unknown(name: str, known: Mapping[str, object], place: Place, title: str) -> Exception:
    """The error for a setting that does not exist, with the nearest one that does."""
    remedy = f"Settings there: {', '.join(known)}."
    inside = f" in {title}" if title else ""
    return place.wrong(f"unknown setting {shown(name)}{inside}{meant(name, known)}", remedy)


def table(shape: type[D], title: str) -> Kind[D]:
    """A table of settings."""
    return Kind(title, lambda value, place: read_table(shape, value, place, title))


def named_tables(shape: type[D], title: str) -> Kind[tuple[D, ...]]:
    """An array of tables, each with a name of its own."""

    def read(value: object, place: Place) -> tuple[D, ...]:
        if not isinstance(value, list):
            raise place.wrong(f"{place.key} is {shown(value)}", f"Write it under a heading {title}.")
        return tuple(read_table(shape, each, place / n, _called(title, each)) for n, each in enumerate(value))

    return Kind(title, read)


def _called(title: str, value: object) -> str:
    name = value.get("name") if isinstance(value, Mapping) else None
    return f"{title} {shown(name)}" if isinstance(name, str) else title
