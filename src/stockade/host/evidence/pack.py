"""The artifacts that there are: ours, from the files beside this one, and those of other people's files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from stockade.errors import ConfigurationError
from stockade.host.evidence.artifact import RANK, Artifact, artifact_of
from stockade.host.evidence.readers import READERS
from stockade.host.evidence.uac import uac_artifacts


def own_pack() -> list[Artifact]:
    """Ours, in the order in which they are taken."""
    place = files(__package__).joinpath("artifacts")
    texts = [(each.name, each.read_text("utf-8")) for each in place.iterdir() if each.name.endswith(".toml")]
    return in_order(_own(name, text) for name, text in texts)


def read_file(path: Path) -> list[Artifact]:
    """Those of a file: one of ours (TOML), or one for UAC (YAML). Raises ConfigurationError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    return uac_artifacts(path.stem, text) if path.suffix in {".yaml", ".yml"} else [_own(path.name, text)]


def chosen(known: Sequence[Artifact], wanted: Sequence[str]) -> list[Artifact]:
    """Those that are named, or whose turn is; all of them when nothing is. Raises ConfigurationError."""
    if unknown := sorted(set(wanted) - {each.id for each in known} - {each.order for each in known}):
        raise ConfigurationError(
            f"no artifact is called {unknown[0]!r}", remedy="stockade host collect --list shows all of them."
        )
    return [each for each in known if not wanted or each.id in wanted or each.order in wanted]


def in_order(found: Iterable[Artifact]) -> list[Artifact]:
    """The most fleeting first; within a turn what we read ourselves, then files, then what starts programs."""
    return sorted(found, key=lambda each: (RANK[each.order], _place_in_turn(each), each.id))


def _place_in_turn(artifact: Artifact) -> int:
    if artifact.reader:
        return list(READERS).index(artifact.reader)
    return len(READERS) + bool(artifact.command)


def _own(name: str, text: str) -> Artifact:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"artifact {name}: {error}") from None
    return artifact_of(name.removesuffix(".toml"), table, frozenset(READERS))
