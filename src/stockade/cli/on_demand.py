"""Commands that are loaded when they are asked for, so that a start costs no more than what is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.main import get_group

Panels = Mapping[str, str]
"""``name=module:attribute`` words by the heading of the help that they stand under."""


class OnDemand(Mapping[str, Any]):
    """Commands by their names, in order; ``within`` says what groups have beside what their own module gives them."""

    def __init__(self, panels: Panels, within: Mapping[str, Panels]) -> None:
        self._places: Final = {name: (place, panel) for name, place, panel in _places(panels)}
        self._within = within
        self._loaded: Final[dict[str, Any]] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._load(name, *self._places[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _load(self, name: str, place: str, panel: str) -> Any:
        found, holder = _found(place), typer.Typer()
        for _, inner, heading in _places(self._within.get(name, {})):
            found.command(rich_help_panel=heading)(_found(inner))
        _add(holder, name, found, panel)
        return _readable(get_group(holder).commands[name])


def _places(panels: Panels) -> Iterator[tuple[str, str, str]]:
    """The name, the place and the heading of each."""
    for panel, words in panels.items():
        for word in words.split():
            name, _, place = word.rpartition("=")
            yield name or place.partition(":")[2], place, panel


def _found(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"stockade.cli.{module}"), attribute)


def _add(holder: typer.Typer, name: str, found: Any, panel: str) -> None:
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name, rich_help_panel=panel)
    else:
        holder.command(name, rich_help_panel=panel)(found)


def _readable(command: Any) -> Any:
    """Its help: square brackets as they are written, paragraphs that fill the line, and flags that take nothing."""
    command.rich_markup_mode = "markdown"
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _readable(inner)
    return command
