"""The six kinds of rule as they are written in a configuration, and the rules they become."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from stockade.config.source import Place
from stockade.config.tables import setting
from stockade.config.values import DURATION, DURATIONS, FLAG, TEXT, TEXTS, Kind, meant, number, one_of, shown, whole
from stockade.config.when import CONDITION
from stockade.guard.conditions import Condition
from stockade.guard.discriminators import NAMED
from stockade.guard.rules import (
    MAX_NAME,
    Allow2Ban,
    BanRule,
    Blocklist,
    Fail2Ban,
    Rule,
    Safelist,
    Throttle,
    Track,
    WindowName,
)

NAME: Final = "What people read in answers and logs; no two rules share one."
WHEN: Final = "Which requests the rule is about; all of them, unless told."
SHADOW: Final = "Count and report, never enforce."
ON_FAILURE: Final = "What becomes of a request while the store cannot be asked."


def _read_name(value: object, place: Place) -> str:
    found = TEXT.read(value, place)
    if not found or len(found) > MAX_NAME or not found.isprintable():
        raise place.wrong(f"name is {shown(found)}, not a rule's name", f"Write 1 to {MAX_NAME} readable characters.")
    return found


def _read_by(value: object, place: Place) -> str | tuple[str, ...]:
    found = TEXTS.read(value, place)
    for each in found:
        kind, _, rest = each.partition(":")
        if not (each in NAMED or (rest and kind in {"header", "query"})):
            raise place.wrong(
                f"cannot count by {shown(each)}{meant(each, NAMED)}",
                f"Write one of {', '.join(NAMED)}, header:NAME or query:NAME, or a list of them.",
            )
    if not found:
        raise place.wrong("by is an empty list", 'Write at least one, such as "address".')
    return found[0] if len(found) == 1 else found


NAME_KIND: Final[Kind[str]] = Kind("text", _read_name)
BY_KIND: Final[Kind[str | tuple[str, ...]]] = Kind("text or list of texts", _read_by)
ON_FAILURE_KIND: Final = one_of("allow", "refuse")
BY: Final = (
    "Whom to count: address, user, token, identity, login, everyone, header:NAME, query:NAME, or several together."
)
OnFailure = Literal["allow", "refuse"]


@dataclass(frozen=True, kw_only=True)
class SafelistSettings:
    """What matches passes, whatever any other rule says."""

    name: str = setting(NAME_KIND, NAME)
    when: Condition = setting(CONDITION, "Which requests pass.")

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return Safelist(self.name, self.when)


@dataclass(frozen=True, kw_only=True)
class BlocklistSettings:
    """What matches is refused with 403."""

    name: str = setting(NAME_KIND, NAME)
    when: Condition = setting(CONDITION, "Which requests are refused.")
    shadow: bool = setting(FLAG, SHADOW, default=False)

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return Blocklist(self.name, self.when, shadow=self.shadow)


@dataclass(frozen=True, kw_only=True)
class ThrottleSettings:
    """At most so many requests in so much time; what is more is refused with 429."""

    name: str = setting(NAME_KIND, NAME)
    limit: float = setting(number(0), "How many requests there may be in a period.")
    period: float = setting(DURATION, "How long a period is.")
    cost: float = setting(number(0), "How much of the limit one request uses.", 1)
    window: WindowName = setting(
        one_of("sliding", "fixed", "gcra"),
        "How a period is counted; stockade explain says what each really admits.",
        "sliding",
    )
    burst: float | None = setting(
        number(1),
        "How many may come at once; only with window = gcra.",
        None,
        shown_default="a tenth of the limit, at least 1",
    )
    by: Any = setting(BY_KIND, BY, "address")
    when: Condition | None = setting(CONDITION, WHEN, None, shown_default="every request")
    shadow: bool = setting(FLAG, SHADOW, default=False)
    on_store_failure: OnFailure = setting(ON_FAILURE_KIND, ON_FAILURE, "allow")

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return Throttle(
            self.name,
            self.when,
            limit=self.limit,
            period=self.period,
            cost=self.cost,
            window=self.window,
            burst=self.burst,
            by=self.by,
            shadow=self.shadow,
            on_store_failure=self.on_store_failure,
        )


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Reported, never refused: every match, or with a limit and a period only what is more."""

    name: str = setting(NAME_KIND, NAME)
    limit: float | None = setting(
        number(0), "Report only what is more than this in a period.", None, shown_default="none"
    )
    period: float | None = setting(DURATION, "How long a period is.", None, shown_default="none")
    cost: float = setting(number(0), "How much of the limit one request uses.", 1)
    window: WindowName = setting(one_of("sliding", "fixed", "gcra"), "How a period is counted.", "sliding")
    by: Any = setting(BY_KIND, BY, "address")
    when: Condition | None = setting(CONDITION, WHEN, None, shown_default="every request")

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return Track(
            self.name,
            self.when,
            limit=self.limit,
            period=self.period,
            cost=self.cost,
            window=self.window,
            by=self.by,
        )


@dataclass(frozen=True, kw_only=True)
class BanSettings:
    """So many strikes in so much time ban the client; longer each time in a row when there are several ban times."""

    name: str = setting(NAME_KIND, NAME)
    maxretry: int = setting(whole(1, 1_000_000), "How many strikes ban.")
    findtime: float = setting(DURATION, "The time within which they count together.")
    bantime: tuple[float, ...] = setting(
        DURATIONS, "How long a ban lasts; a list is the first, the second in a row, and so on."
    )
    when: Condition = setting(CONDITION, "What a strike is.")
    over: Condition | None = setting(CONDITION, "Which requests a ban refuses.", None, shown_default="every request")
    reset: Condition | None = setting(CONDITION, "Which answers clear the count.", None, shown_default="none")
    by: Any = setting(BY_KIND, BY, "address")
    shadow: bool = setting(FLAG, SHADOW, default=False)
    on_store_failure: OnFailure = setting(ON_FAILURE_KIND, ON_FAILURE, "allow")

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return self._rule(Allow2Ban)

    def _rule(self, kind: type[BanRule]) -> Rule:
        return kind(
            self.name,
            self.when,
            maxretry=self.maxretry,
            findtime=self.findtime,
            bantime=self.bantime,
            over=self.over,
            reset=self.reset,
            by=self.by,
            shadow=self.shadow,
            on_store_failure=self.on_store_failure,
        )


@dataclass(frozen=True, kw_only=True)
class Fail2BanSettings(BanSettings):
    """Every match is refused at once, and enough of them ban the client."""

    def rule(self) -> Rule:
        """The rule that these settings describe."""
        return self._rule(Fail2Ban)


@dataclass(frozen=True, kw_only=True)
class Allow2BanSettings(BanSettings):
    """Matches pass until there are enough of them; then the client is banned."""
