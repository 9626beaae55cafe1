"""A review of an account or of everybody, from the log, with what detection finds in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stockade.app.detecting import by_time, first_recorded, when
from stockade.detect.detector import Rules
from stockade.detect.stories import folded
from stockade.events import Finding
from stockade.review.accounts import Account
from stockade.review.reviewing import Review, Reviewing


def review(log: Path, rules: Rules, *, account: str = "", since: float = float("-inf")) -> Review:
    """Read the log once, since a moment. Raises ConfigurationError when there is none, Tampered at a broken line."""
    reviewing = Reviewing(Account(account) if account else None)
    ordered, doubts = by_time(log, first_recorded(log, since - rules.horizon))
    found = list[Finding]()
    for entry in ordered:
        new = rules.feed(entry)
        if when(entry) >= since:
            reviewing.take(entry)
            found += new
    return reviewing.done(folded(found), (*doubts, *_asleep(rules), *rules.doubts))


def _asleep(rules: Rules) -> Sequence[str]:
    names = [rule.name for rule in rules.asleep if not rule.part]
    return [f"not looked for without a GeoIP database (--geoip): {', '.join(names)}"] if names else []
