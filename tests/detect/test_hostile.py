"""Whatever somebody writes into a log, the rules read on, within bounds, and are not led astray."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.detect.detector import MOST_ENTRIES, MOST_KINDS, Rules
from stockade.detect.pack import own_pack
from stockade.detect.reading import rules_of
from stockade.events import Entry, Event, Ref
from tests.detect.entries import HOME, NEW, NOW, entries, event, fed, matches, names, selecting

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ACTIONS = st.sampled_from(
    ["password.reset.request", "token.create", "member.add", "user.role.change", "authentication.success", "unknown"]
)
DETAILS = st.dictionaries(
    st.sampled_from(["target_details", "params", "scopes", "to", "as", "user_agent", "user_id", "addresses", "whole"]),
    JSON,
)
REFS = st.none() | st.builds(Ref, st.sampled_from(["gitlab", "x"]), st.sampled_from(["user", "token"]), st.text())


@settings(deadline=None)
@given(action=ACTIONS, details=DETAILS, actor=REFS, target=REFS, source=st.none() | st.text(max_size=40))
def test_any_details_are_read_without_an_error(
    action: str, details: dict[str, Any], actor: Ref | None, target: Ref | None, source: str | None
) -> None:
    detector = PACK
    for finding in detector.feed(Entry(0, NOW, Event(NOW, action, actor, target, source, "success", details))):
        json.dumps(finding.as_event().details)


PACK = Rules(own_pack())


def test_invented_actions_and_systems_fill_no_memory() -> None:
    detector = Rules(own_pack())
    fed(detector, [event(f"invented.{n}", f"system{n}:user/x") for n in range(MOST_KINDS + 500)])
    assert len(detector._of_kind) == MOST_KINDS


def test_a_time_to_come_moves_no_window() -> None:
    guesses = [event("authentication.failure", at=n, source=NEW, outcome="failure") for n in range(10)]
    future = event("authentication.failure", at=10**8, source=HOME, outcome="failure")
    held = entries(guesses)
    held.insert(5, Entry(99, NOW + 5, future))
    detector = Rules(own_pack())
    found = [finding.rule for entry in held for finding in detector.feed(entry)]
    assert "signin_many_failures" in found


def test_a_finding_carries_the_first_and_the_last_of_many_entries() -> None:
    counted = "{type: event_count, rules: [a_rule], timespan: 1d, condition: {gte: 200}}"
    text = f"{selecting('{action: message}')}---\ntitle: Many\nname: many\ncorrelation: {counted}\n"
    (finding,) = fed(Rules(rules_of([("rule.yml", text)])), [event("message", at=n) for n in range(200)])
    assert len(finding.entries) == MOST_ENTRIES
    assert (finding.entries[0].index, finding.entries[-1].index) == (0, 199)


def test_a_pattern_that_would_never_end_elsewhere_ends_here() -> None:
    assert not matches(selecting("{details.x|re: '(a+)+$'}"), event("message", x="a" * 50_000 + "b"))


def test_the_same_is_told_once_and_once_a_day_if_it_never_stops() -> None:
    detector = Rules([each for each in own_pack() if each.name == "signin_reported_unusual"])
    hours = [event("authentication.unusual", at=n * 1_800.0) for n in range(2 * 72)]
    told = fed(detector, hours)
    assert names(told) == ["signin_reported_unusual"] * 3
    assert [round((finding.time - NOW) / 3600, 1) for finding in told] == [0, 24.5, 49]
    assert detector.stories.repeated(told[-1]) == len(hours) - 1 - 98
