"""A review of an account or of everybody, from the log, with what detection finds in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stockade.app.detecting import Progress, by_time, counted, first_recorded, there, untold, when
from stockade.audit.reading import entries
from stockade.detect.detector import Rules
from stockade.detect.stories import folded
from stockade.events import Finding
from stockade.review.accounts import Account
from stockade.review.reviewing import Review, Reviewing


def review(
    log: Path,
    rules: Rules,
    *,
    account: str = "",
    since: float = float("-inf"),
    notes: Sequence[str] = (),
    progress: Progress = untold,
) -> Review:
    """Read the log since a moment, and before that what rules have to remember; ``notes`` become part of the review.

    Raises ConfigurationError when there is none, Tampered at a broken line.
    """
    start = first_recorded(log, since - rules.horizon)
    asked = _known_by_all_its_names(account, log, start) if account else None
    reviewing = Reviewing(asked, first=0 if start == there(log)[0] else start)
    ordered, doubts = by_time(log, start)
    found = list[Finding]()
    for entry in counted(ordered, progress):
        if not reviewing.entries:
            rules.begin_telling()
        new = rules.feed(entry)
        if when(entry) >= since:
            reviewing.take(entry)
            found += new
        else:
            reviewing.leave(entry)
    return reviewing.done(folded(found), (*notes, *doubts, *_asleep(rules), *rules.doubts))


def _known_by_all_its_names(name: str, log: Path, start: int) -> Account:
    account = Account(name)
    for entry in entries(log, start):
        account.learn(entry.event)
    return account


def _asleep(rules: Rules) -> Sequence[str]:
    names = [rule.name for rule in rules.asleep if not rule.part]
    return [f"not looked for without a GeoIP database (--geoip): {', '.join(names)}"] if names else []
