"""Every table speaks the vocabulary, and every event type that GitLab is known to have is in it."""

from __future__ import annotations

import re
from itertools import product

import pytest

from stockade.actions import BEHAVIOUR_OF, UNKNOWN
from stockade.errors import ConfigurationError
from stockade.intake import tables
from stockade.intake.formats import FORMATS
from stockade.intake.reference import reference
from tests.intake.lines import real
from tests.source_tree import ROOT

QUOTED = re.compile(r"`([^`]+)`")
INSTANCES = {  # names that the list of GitLab's event types writes with a star or in words, as they are in full
    "ci_group_variable_*": ["ci_group_variable_created", "ci_group_variable_updated", "ci_group_variable_deleted"],
    "ci_instance_variable_*": ["ci_instance_variable_created", "ci_instance_variable_deleted"],
    "group_deploy_token_*": ["group_deploy_token_created", "group_deploy_token_revoked"],
    "project_group_link_*": ["project_group_link_created", "project_group_link_deleted"],
    "group_share_with_group_link_*": ["group_share_with_group_link_created", "group_share_with_group_link_removed"],
    "*_event_streaming_destination": ["create_event_streaming_destination", "destroy_event_streaming_destination"],
}


def expanded(name: str) -> list[str]:
    """``a_created/_updated``, ``a_{b,c}_d`` and ``a_*`` as the names they stand for."""
    parts = [group.split(",") for group in re.findall(r"\{([^}]*)\}", name)]
    shape = re.sub(r"\{[^}]*\}", "{}", name)
    found = []
    for chosen in product(*parts):
        first, *others = shape.format(*chosen).split("/")
        stems = [first.removesuffix(ending) for ending in ENDINGS if first.endswith(ending)] or [first]
        for full in (first, *(stems[0] + other for other in others if other != "…")):
            found += INSTANCES.get(full, [full.replace("*", "some")])
    return found


ENDINGS = ("_created", "_updated", "_added", "_update", "_create", "_marked", "_removed", "_api", "_deleted")


def known_types() -> list[tuple[str, str]]:
    text = real("reference/incident-response.md").read_text()
    section = text.partition("### 2.4")[2].partition("\n## ")[0]
    found = []
    for line in section.splitlines():
        if not line.startswith("| ") or line.startswith(("| Class", "|---")):
            continue
        kind, said = line.strip("| ").split(" | ", 1)
        said = re.sub(r"\*\*.*?\*\*|\(S\) ?", "", said)
        for quoted in QUOTED.findall(said):
            found += [
                (kind, name) for name in expanded(quoted) if re.fullmatch(r"[a-z0-9_]+", name) and name != "created_at"
            ]
    return found


def test_every_event_type_of_gitlab_has_a_word() -> None:
    types = known_types()
    assert len(types) > 180
    table = tables.table("gitlab_audit")
    assert [(kind, name) for kind, name in types if table.meaning(name).action == UNKNOWN] == []


@pytest.mark.parametrize("name", tables.names())
def test_every_table_says_what_it_maps_in_words_of_the_vocabulary(name: str) -> None:
    table = tables.table(name)
    assert table.rows
    for row in table.rows:
        assert row.meaning.action in BEHAVIOUR_OF
        assert row.meaning.action != UNKNOWN


def test_every_table_belongs_to_a_format() -> None:
    assert {name for format in FORMATS.values() for name in format.tables} == set(tables.names())


def test_a_plain_name_counts_before_one_with_a_star_and_a_longer_before_a_shorter() -> None:
    rows = [
        {"action": "key.add", "from": ["add_*"]},
        {"action": "token.create", "from": ["add_*_token"]},
        {"action": "user.create", "from": ["add_user"]},
    ]
    table = tables.read({"system": "x", "map": rows}, name="x", where="x.toml")
    names = ("add_ssh", "add_deploy_token", "ADD_USER", "remove_user")
    assert [table.meaning(name).action for name in names] == ["key.add", "token.create", "user.create", UNKNOWN]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"map": []}, "system is missing"),
        ({"system": "x", "maps": []}, "has no setting 'maps'"),
        ({"system": "x", "map": {}}, "map is no list of tables"),
        ({"system": "x", "map": [{"action": "token.make", "from": ["a"]}]}, "there is no action 'token.make'"),
        ({"system": "x", "map": [{"action": "key.add", "from": "a"}]}, "from is not a list of names"),
        ({"system": "x", "map": [{"action": "key.add", "from": ["a"], "outcome": "ok"}]}, "there is no outcome 'ok'"),
        ({"system": "x", "map": [{"action": "key.add", "from": ["a"]}] * 2}, "'a' stands in an earlier one too"),
        ({"system": "x", "map": [{"action": "key.add", "froms": ["a"]}]}, "may have action, outcome and from only"),
    ],
)
def test_a_table_that_cannot_be_followed_is_refused_by_name_and_place(document: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"x\.toml") as refused:
        tables.read(document, name="x", where="x.toml")
    assert said in refused.value.message


def test_the_page_of_all_actions_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "actions.md"
    assert page.read_text() == reference(), "python -m stockade.intake.reference docs/reference/actions.md"
