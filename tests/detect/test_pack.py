"""Every rule that comes with Stockade matches what it must, leaves alone what it must, and covers what it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import get_args

import pytest
import yaml

from stockade.actions import BEHAVIOUR_OF, Behaviour
from stockade.detect.conditions import Kind
from stockade.detect.detector import Rules
from stockade.detect.examples import Tried, tried
from stockade.detect.pack import own_pack
from stockade.detect.rule import Rule
from stockade.events import Outcome
from tests.detect.entries import entries, event

PACK = own_pack()
REPORTING = [rule for rule in PACK if not rule.part]
UNWATCHED = {
    Behaviour.TRAFFIC: "requests are the guard's, and commands have a rule of their own",
}


@pytest.mark.parametrize("outcome", list(tried(PACK)), ids=lambda outcome: outcome.rule.name)
def test_a_rule_matches_its_example_and_leaves_the_other_alone(outcome: Tried) -> None:
    assert outcome.wrong == ""


def test_who_was_an_administrator_from_the_first_moment_and_silences_the_log_is_a_story() -> None:
    rules = Rules(PACK)
    made = event("user.create", "root", target="bob", admin=True)
    held = entries([made, event("stream.change", "bob", at=3600.0)])
    found = {finding.rule for entry in held for finding in rules.feed(entry)}
    assert {"administrator_created", "story_administrator_then_silence"} <= found


def test_one_detection_is_one_file_that_is_named_after_it() -> None:
    assert {rule.file: rule.name for rule in REPORTING} == {f"{rule.name}.yml": rule.name for rule in REPORTING}
    there = {each.name for each in (files("stockade.detect") / "rules").iterdir() if each.name.endswith(".yml")}
    assert there == {rule.file for rule in REPORTING}


@pytest.mark.parametrize("rule", REPORTING, ids=lambda rule: rule.name)
def test_a_rule_says_why_it_may_be_harmless_and_which_techniques_of_which_version_it_shows(rule: Rule) -> None:
    assert rule.harmless
    assert rule.attack == "19"
    assert rule.techniques
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in rule.techniques)
    assert not any(technique.startswith("T1562") for technique in rule.techniques), "T1562 is T1685 and T1686 since v19"
    assert rule.description.endswith((".", "?"))


def test_ids_are_there_once() -> None:
    ids = [rule.id for rule in PACK]
    assert len(set(ids)) == len(ids)
    assert all(ids)


@pytest.mark.parametrize("behaviour", Behaviour, ids=lambda behaviour: behaviour.name)
def test_every_class_of_behaviour_is_watched(behaviour: Behaviour) -> None:
    watched = {BEHAVIOUR_OF[action] for action in BEHAVIOUR_OF for rule in PACK if _asks_for(rule, action)}
    assert behaviour in watched or behaviour in UNWATCHED


def test_every_action_that_a_rule_names_is_in_the_vocabulary() -> None:
    texts = [rule.source for rule in REPORTING]
    named = {str(action) for text in texts for document in yaml.safe_load_all(text) for action in _actions(document)}
    assert named - BEHAVIOUR_OF.keys() == set()


def test_most_rules_never_see_most_events() -> None:
    single = [rule for rule in PACK if rule.condition is not None]
    shown = [sum(_asks_for(rule, action) for rule in single) for action in BEHAVIOUR_OF]
    assert sum(shown) / len(shown) < len(single) / 20


def _asks_for(rule: Rule, action: str) -> bool:
    kinds = [Kind(action, "gitlab", outcome) for outcome in get_args(Outcome)]
    return rule.condition is not None and any(rule.condition.possible(kind) is not False for kind in kinds)


def _actions(found: object, key: str = "") -> Iterator[object]:
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _actions(inner, name)
    elif isinstance(found, list):
        for inner in found:
            yield from _actions(inner, key)
    elif key == "action":
        yield found
