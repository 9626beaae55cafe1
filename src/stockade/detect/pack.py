"""Where rules lie: the pack that comes with Stockade, and directories of a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from stockade.detect.reading import rules_of
from stockade.detect.rule import Rule
from stockade.errors import ConfigurationError


@cache
def own_pack() -> tuple[Rule, ...]:
    """The rules that come with Stockade."""
    return tuple(rules_of(_own_texts()))


def is_ours(rule: Rule) -> bool:
    """Whether a rule came with Stockade."""
    return rule.file in {name for name, _ in _own_texts()}


def rules_in(place: Path) -> tuple[Rule, ...]:
    """The rules of a file, or of all ``.yml`` files of a directory and of those in it, which may refer to ours.

    Raises ConfigurationError when there are none, and for a rule that cannot be evaluated.
    """
    return tuple(rule for rule in rules_beside_ours(place) if not is_ours(rule))


def rules_beside_ours(place: Path) -> tuple[Rule, ...]:
    """Ours and those of a file or directory together, whose filters count for ours, too. Raises as ``rules_in``."""
    texts = list(_texts(place))
    if not texts:
        raise ConfigurationError(f"{place} has no rules", remedy="Rules are files whose names end in .yml.")
    return tuple(rules_of([*_own_texts(), *texts]))


def rules_that_run(place: Path) -> tuple[tuple[Rule, ...], tuple[ConfigurationError, ...]]:
    """As :func:`rules_in`, file by file: the rules that run, and why the others do not."""
    rules, refused = list[Rule](), list[ConfigurationError]()
    for text in _texts(place):
        try:
            rules += rules_of([text])
        except ConfigurationError as error:
            refused.append(error)
    return tuple(rules), tuple(refused)


@cache
def _own_texts() -> list[tuple[str, str]]:
    found = (files("stockade.detect") / "rules").iterdir()
    return sorted((each.name, each.read_text("utf-8")) for each in found if each.name.endswith(".yml"))


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    try:
        paths = [place] if place.is_file() else sorted(place.rglob("*.y*ml"))
        for path in paths:
            if path.is_file():
                yield str(path), path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{place} cannot be read: {error}") from error
