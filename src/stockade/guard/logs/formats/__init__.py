"""The formats of logs that can be read: each by one reader, told apart by the first lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from stockade.errors import ConfigurationError
from stockade.guard.logs.formats.access import combined, vhost_combined
from stockade.guard.logs.formats.gitea import gitea
from stockade.guard.logs.formats.gitlab import gitlab
from stockade.guard.logs.formats.line import Line, Read
from stockade.guard.logs.formats.rails import gitlab_text
from stockade.guard.logs.formats.sshd import sshd
from stockade.lines.stamps import Dating

FORMATS: Final[Mapping[str, Callable[[Dating], Read]]] = MappingProxyType(
    {
        "combined": combined,
        "vhost_combined": vhost_combined,
        "gitlab": gitlab,
        "gitlab_text": gitlab_text,
        "gitea": gitea,
        "sshd": sshd,
    }
)
"""Every format by its name, in the order in which they are tried: common logs are read as ``combined``."""

SAMPLE: Final = 200
"""Lines that are looked at to tell a format."""


@dataclass(frozen=True, slots=True)
class Detected:
    """The format that was told, and that it read ``requests`` of ``lines`` as requests and passed over ``silent``
    more.
    """

    name: str
    requests: int
    silent: int
    lines: int

    def __str__(self) -> str:
        return f"{self.name}: {self.requests} requests in the first {self.lines} lines"


def reader(name: str, dating: Dating) -> Read:
    """A new reader of a format. Raises ConfigurationError when there is none of that name."""
    make = FORMATS.get(name)
    if make is None:
        near = get_close_matches(name, FORMATS, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ConfigurationError(
            f"no log format is named {name!r}", remedy=f"Write one of {', '.join(FORMATS)}.{meant}"
        )
    return make(dating)


def detect(sample: Sequence[str], dating: Dating) -> Detected:
    """The format that finds most requests in the first lines, or passes over most. Raises ConfigurationError when none
    reads any.
    """
    lines = [line for line in sample[:SAMPLE] if line.strip()]
    tried = [_try(name, lines, dating) for name in FORMATS]
    best = max(tried, key=lambda found: (found.requests, found.silent))
    if not best.requests and not best.silent:
        raise ConfigurationError(
            "the log is in none of the formats that are known",
            remedy=f"If it is one of {', '.join(FORMATS)}, name it with --format.",
        )
    return best


def _try(name: str, lines: Sequence[str], dating: Dating) -> Detected:
    read, requests, silent = reader(name, dating), 0, 0
    for line in lines:
        try:
            found = read(line)
        except ValueError:
            continue
        requests += found is not None
        silent += found is None
    return Detected(name, requests, silent, len(lines))


__all__ = ["FORMATS", "SAMPLE", "Dating", "Detected", "Line", "Read", "detect", "reader"]
