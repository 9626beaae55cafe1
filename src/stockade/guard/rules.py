"""The six kinds of rule, in the words of Rack::Attack and fail2ban.

Every rule has a ``name`` that people read in answers and logs, and a ``when`` that says what it applies to.
``shadow`` rules are counted and reported, never enforced. ``on_store_failure`` says what becomes of a request that
cannot be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from stockade.errors import ConfigurationError
from stockade.guard.conditions import Condition, Test, as_condition
from stockade.guard.discriminators import By
from stockade.guard.meter import MANUAL, Window
from stockade.guard.request import Request

Kind = Literal["safelist", "blocklist", "throttle", "fail2ban", "allow2ban", "track"]
OnFailure = Literal["allow", "refuse"]
Number = float | Callable[[Request], float]
WindowName = Literal["sliding", "fixed", "gcra"]
WINDOWS: dict[str, Window] = {"sliding": Window.SLIDING, "fixed": Window.FIXED, "gcra": Window.GCRA}
MAX_NAME = 120


@dataclass(frozen=True)
class Rule:
    """What all rules have."""

    name: str
    when: Condition | Test | None = None
    kind: ClassVar[Kind]

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > MAX_NAME or not self.name.isprintable():
            raise ConfigurationError(f"not a rule's name: {self.name!r}", remedy="Give it a few readable words.")
        if self.name == MANUAL:
            raise ConfigurationError(
                f"{MANUAL!r} is the name of bans by hand, and of no rule", remedy="Give the rule another name."
            )
        if self.when is not None:
            object.__setattr__(self, "when", as_condition(self.when))

    @property
    def condition(self) -> Condition | None:
        """``when`` as a condition; None means always."""
        return self.when if isinstance(self.when, Condition) else None


@dataclass(frozen=True)
class Safelist(Rule):
    """A request that matches passes, whatever any other rule says."""

    kind: ClassVar[Kind] = "safelist"


@dataclass(frozen=True)
class Blocklist(Rule):
    """A request that matches is refused."""

    shadow: bool = False
    kind: ClassVar[Kind] = "blocklist"


@dataclass(frozen=True, kw_only=True)
class Metered(Rule):
    """A rule that counts. ``by`` says whom: the client's address unless told."""

    by: By = "address"
    shadow: bool = False
    on_store_failure: OnFailure = "allow"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on_store_failure not in {"allow", "refuse"}:
            raise ConfigurationError(
                f"{self.name}: on_store_failure is {self.on_store_failure!r}", remedy='Write "allow" or "refuse".'
            )


@dataclass(frozen=True, kw_only=True)
class Throttle(Metered):
    """At most ``limit`` a ``period`` (seconds), counted by ``window``; what is more is refused with 429.

    ``limit``, ``period`` and ``cost`` may be callables of the request. ``burst`` belongs to ``gcra`` and is the
    number that may come at once (a tenth of the limit, at least 1, unless told).
    """

    limit: Number
    period: Number
    cost: Number = 1
    window: WindowName = "sliding"
    burst: float | None = None
    kind: ClassVar[Kind] = "throttle"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window not in WINDOWS:
            raise ConfigurationError(
                f"{self.name}: window is {self.window!r}", remedy=f"Write one of {', '.join(WINDOWS)}."
            )
        if self.burst is not None and self.window != "gcra":
            raise ConfigurationError(
                f"{self.name}: only window = gcra has a burst", remedy="Take burst out, or set the window."
            )
        _at_least(self.name, "limit", self.limit, 0)
        _at_least(self.name, "period", self.period, 0.001)
        _at_least(self.name, "cost", self.cost, 0)


@dataclass(frozen=True, kw_only=True)
class Track(Metered):
    """Reported, never refused: every match, or with ``limit`` and ``period`` only what is more."""

    limit: Number | None = None
    period: Number | None = None
    cost: Number = 1
    window: WindowName = "sliding"
    kind: ClassVar[Kind] = "track"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.limit is None) != (self.period is None):
            raise ConfigurationError(f"{self.name}: a track has both a limit and a period, or neither of them")
        if self.limit is not None and self.period is not None:
            _at_least(self.name, "limit", self.limit, 0)
            _at_least(self.name, "period", self.period, 0.001)


@dataclass(frozen=True, kw_only=True)
class BanRule(Metered):
    """``maxretry`` strikes within ``findtime`` seconds ban the client for ``bantime`` seconds.

    A list of ban times escalates; the row is forgotten after as long without a ban as the longest lasts. ``when``
    says what a strike is, ``over`` which requests a ban refuses (all, unless told), and ``reset`` which answers clear
    the count.
    """

    maxretry: int
    findtime: float
    bantime: float | Sequence[float]
    over: Condition | Test | None = None
    reset: Condition | Test | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("over", "reset"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, as_condition(value))
        if self.when is None:
            raise ConfigurationError(
                f"{self.name}: a ban needs a condition", remedy="Say with `when` what a strike is."
            )
        _at_least(self.name, "maxretry", self.maxretry, 1)
        _at_least(self.name, "findtime", self.findtime, 0.001)
        for each in self.bantimes:
            _at_least(self.name, "bantime", each, 0.001)
        if not self.bantimes:
            raise ConfigurationError(
                f"{self.name}: bantime is an empty list", remedy="Write seconds, such as [600, 3600]."
            )

    @property
    def bantimes(self) -> tuple[float, ...]:
        """The ban times in seconds: first, second, … and every further one."""
        return (self.bantime,) if isinstance(self.bantime, (int, float)) else tuple(self.bantime)


@dataclass(frozen=True, kw_only=True)
class Fail2Ban(BanRule):
    """Every match is refused, and enough of them ban the client."""

    kind: ClassVar[Kind] = "fail2ban"


@dataclass(frozen=True, kw_only=True)
class Allow2Ban(BanRule):
    """Matches pass until there are enough of them; then the client is banned."""

    kind: ClassVar[Kind] = "allow2ban"


def _at_least(rule: str, setting: str, value: Number | None, least: float) -> None:
    if callable(value):
        return
    if not isinstance(value, (int, float)) or not least <= value < 1e12:
        raise ConfigurationError(
            f"{rule}: {setting} is {value!r}", remedy=f"Write a number that is at least {least:g}."
        )
