"""A rule, ready to run: what it looks for, how bad that is, and why it may be harmless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from stockade.detect.conditions import Condition
from stockade.detect.memory import Remember
from stockade.detect.view import Place
from stockade.detect.windows import Correlation
from stockade.events import Event, Severity

Subject = Literal["account", "actor", "target", "source"]
QUIET: Final = 3600.0
"""Seconds for which the same finding about the same subject is told only once, unless a rule says otherwise."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Events that a rule must match, and events that it must not; ``places`` stand in for a GeoIP database."""

    match: tuple[Event, ...] = ()
    clean: tuple[Event, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """``condition`` is None for a correlation. A ``part`` is only there for others to refer to; a ``foreign`` rule is
    written for another product's logs. ``attack`` is the version of ATT&CK that ``techniques`` are of, ``harmless``
    says why there may be nothing to it, ``file`` where it is written, and ``source`` what is written there.
    """

    name: str
    title: str
    level: Severity
    file: str
    id: str = ""
    description: str = ""
    status: str = ""
    harmless: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    attack: str = ""
    tags: tuple[str, ...] = ()
    condition: Condition | None = None
    remember: Remember | None = None
    correlation: Correlation | None = None
    foreign: bool = False
    part: bool = False
    shadow: bool = False
    subject: Subject = "account"
    quiet: float = QUIET
    examples: Examples = field(default_factory=Examples)
    source: str = ""

    @property
    def needs_places(self) -> bool:
        """Whether it can only run with a GeoIP database."""
        remember = self.remember
        return remember is not None and (remember.type == "travel" or remember.field == "source.country")
