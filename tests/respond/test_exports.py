"""What is handed to other people's tools validates by their schemas, and is the same the second time."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from stix2validator import ValidationOptions, validate_instance

from stockade.events import Entry, Event, Ref
from stockade.respond.cacao import playbook
from stockade.respond.stix import bundle
from stockade.steps import Step, Tactic
from tests.respond.cacao_published import schema
from tests.respond.cacao_schema import PLAYBOOK
from tests.respond.test_incident import ALICE, NOW, said, told
from tests.source_tree import ROOT

PUBLISHED = ROOT.parent / "shared" / "data" / "cacao" / "pkg" / "models" / "validator" / "schemas" / "playbook.json"
BLOCK = Step(
    "user.block",
    ALICE,
    Tactic.ISOLATE,
    "Her token was used from afar.",
    "She cannot sign in.",
    undo=Step("user.unblock", ALICE, Tactic.RESTORE, "It was a false alarm."),
)
REVOKE = Step("token.revoke", Ref("stockade", "token", "7"), Tactic.EVICT, "It was stolen.", by_hand=True)
SEEN = [
    Entry(7, NOW, Event(NOW, "token.create", ALICE, REVOKE.target, "203.0.113.9"), "h/s"),
    Entry(8, NOW, Event(NOW + 9, "token.use", ALICE, REVOKE.target, "203.0.113.9"), "h/s"),
    Entry(9, NOW, Event(NOW + 10, "token.use", ALICE, REVOKE.target, "2001:db8::1"), "h/s"),
    Entry(10, NOW, Event(NOW + 11, "x", ALICE, None, "not an address"), "h/s"),
]


def test_a_bundle_validates_as_stix_2_1() -> None:
    incident = told(said("incident.note", text="she is away", kind="known"), said("incident.decide", text="block her"))
    made = bundle(incident, [BLOCK, REVOKE], SEEN, "stockade on host")
    result = validate_instance(json.loads(json.dumps(made)), ValidationOptions(version="2.1", strict=True))
    assert result.is_valid, [str(error) for error in result.errors]
    kinds = [each["type"] for each in made["objects"]]
    assert {"identity", "user-account", "incident", "course-of-action", "note", "report"} <= set(kinds)
    assert [each["value"] for each in made["objects"] if each["type"] == "ipv4-addr"] == ["203.0.113.9"]
    assert [each["number_observed"] for each in made["objects"] if each["type"] == "observed-data"] == [2, 1]


def test_an_incident_about_nobody_yet_validates_too() -> None:
    result = validate_instance(bundle(told(), [], [], "stockade"), ValidationOptions(version="2.1", strict=True))
    assert result.is_valid, [str(error) for error in result.errors]


def test_a_second_bundle_is_the_same() -> None:
    assert bundle(told(), [BLOCK], SEEN, "s") == bundle(told(), [BLOCK], SEEN, "s")


def made_of(*steps: Step) -> dict[str, object]:
    return playbook(steps, digest="ab" * 32, name="account alice", about="…", drawn=NOW, expires=NOW + 3600)


@pytest.mark.parametrize("steps", [(BLOCK,), (BLOCK, REVOKE)])
def test_a_plan_validates_as_a_cacao_2_0_playbook(steps: tuple[Step, ...]) -> None:
    made = made_of(*steps)
    Draft202012Validator(PLAYBOOK).validate(json.loads(json.dumps(made)))


def test_the_steps_of_a_playbook_follow_one_another_from_start_to_end() -> None:
    made = made_of(BLOCK, REVOKE, BLOCK)
    workflow: dict[str, dict[str, str]] = made["workflow"]  # type: ignore[assignment]
    here, walked = str(made["workflow_start"]), []
    while workflow[here]["type"] != "end":
        walked.append(workflow[here]["name"])
        here = workflow[here]["on_completion"]
    assert walked == [
        "Begin",
        "1. user.block stockade:user/alice",
        "2. token.revoke stockade:token/7",
        "3. user.block stockade:user/alice",
    ]


def test_a_playbook_says_how_each_step_is_taken_back() -> None:
    described = [str(each.get("description")) for each in made_of(BLOCK, REVOKE)["workflow"].values()]  # type: ignore[attr-defined]
    assert any("To take it back: user.unblock stockade:user/alice." in each for each in described)
    assert any("It cannot be undone." in each for each in described)


def test_a_playbook_that_lacks_what_the_standard_asks_for_does_not_validate() -> None:
    for key in PLAYBOOK["required"]:
        lacking = {name: value for name, value in made_of(BLOCK).items() if name != key}
        assert not Draft202012Validator(PLAYBOOK).is_valid(lacking), key


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published schemas are not here")
def test_a_plan_validates_by_schemas_that_others_publish() -> None:
    validator = Draft202012Validator(schema(PUBLISHED))
    validator.validate(json.loads(json.dumps(made_of(BLOCK, REVOKE))))
    assert not validator.is_valid(json.loads(json.dumps(made_of(BLOCK) | {"spec_version": "cacao-1.0"})))
