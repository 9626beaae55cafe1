"""A made-up organisation is believable, the same for the same seed, and never entered over real people."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from sqlalchemy import select

from stockade.directory import BuiltinDirectory, NameTaken
from stockade.directory.accounts import AccountKind, CredentialKind, Level
from stockade.directory.builtin import schema
from stockade.directory.organisation import DAY, organisation
from stockade.directory.permissions import covers
from stockade.errors import ConfigurationError, Refused
from tests.cli.terminal import Terminal, terminal
from tests.directory.conftest import NOW, Stage

__all__ = ["terminal"]


def test_people_bots_and_service_accounts_work_in_nested_groups_at_every_level() -> None:
    made = organisation(300, NOW, Random(7))
    kinds = Counter(who.kind for who in made.people)
    assert kinds[AccountKind.HUMAN] == 300
    assert kinds[AccountKind.BOT] > 30
    assert kinds[AccountKind.SERVICE] > 5
    assert {group.path.count("/") for group in made.groups} == {0, 1, 2}
    assert {part.level for part in made.parts} == set(Level)
    paths = {group.path for group in made.groups}
    assert all(any(covers(group, project.path) for group in paths) for project in made.projects)
    assert len({place.path for place in [*made.groups, *made.projects]}) == len(made.groups) + len(made.projects)
    assert all(who.created <= NOW and (who.departed is None or who.created < who.departed) for who in made.people)
    assert any(who.departed and not who.blocked for who in made.people), "somebody who left was forgotten"


def test_the_same_seed_makes_the_same_organisation_and_another_one_another() -> None:
    assert organisation(50, NOW, Random(7)) == organisation(50, NOW, Random(7))
    assert organisation(50, NOW, Random(7)) != organisation(50, NOW, Random(8))


@pytest.mark.parametrize("people", [-1, 0, 9, 100_001])
def test_a_number_of_people_that_is_none_is_refused(people: int) -> None:
    with pytest.raises(ConfigurationError, match="no organisation"):
        organisation(people, NOW, Random(7))


def rows(stage: Stage, name: str) -> list[dict[str, object]]:
    with stage.directory._database.reading() as sql:
        return [dict(row._mapping) for row in sql.execute(select(schema.metadata.tables[name]))]


def test_what_they_hold_has_dates_that_can_be_true(stage: Stage) -> None:
    stage.directory.found_organisation(60, 7)
    tokens, keys = rows(stage, "tokens"), rows(stage, "keys")
    kinds = {row["kind"] for row in tokens}
    assert {
        kind.value for kind in (CredentialKind.PERSONAL, CredentialKind.DEPLOY, CredentialKind.REGISTRATION)
    } <= kinds
    assert any(row["expires"] is None for row in tokens)
    assert any(row["revoked"] for row in tokens)
    assert any(row["last_used"] is None for row in tokens)
    assert any(NOW - row["last_used"] > 180 * DAY for row in tokens if isinstance(row["last_used"], float))
    assert all(row["made"] <= NOW and (row["last_used"] or NOW) >= row["made"] for row in [*tokens, *keys])  # type: ignore[operator]
    assert any(row["algorithm"] == "rsa" and row["bits"] < 3072 for row in keys)  # type: ignore[operator]
    assert len({row["digest"] for row in tokens}) == len(tokens)
    (event,) = stage.reported("directory.seed")
    assert event.details["people"] == 60


def test_everything_but_the_secrets_is_the_same_for_the_same_seed(stage: Stage) -> None:
    stage.directory.found_organisation(20, 3)
    first = [(row["kind"], row["name"], row["made"], row["expires"]) for row in rows(stage, "tokens")]
    digests = {row["digest"] for row in rows(stage, "tokens")}
    again = Stage(stage.url)
    with again.directory._database.writing() as sql:
        for table in reversed(schema.metadata.sorted_tables):
            sql.execute(table.delete())
    again.directory.found_organisation(20, 3)
    assert [(row["kind"], row["name"], row["made"], row["expires"]) for row in rows(again, "tokens")] == first
    assert not digests & {row["digest"] for row in rows(again, "tokens")}
    again.directory.close()


def test_what_is_sealed_opens_for_its_own_purpose_and_the_password_opens_an_account(stage: Stage) -> None:
    made = stage.directory.found_organisation(20, 7)
    for table, purpose in (("variables", "variable"), ("webhooks", "webhook"), ("factors", "factor")):
        sealed = [row for row in rows(stage, table) if row["sealed"]]
        assert sealed
        for row in sealed:
            assert stage.directory._sealing.open(str(row["sealed"]), f"{purpose}/{row['id']}")
    guarded = {row["account_id"] for row in rows(stage, "factors")}
    people = [each for each in stage.directory.accounts() if each.kind is AccountKind.HUMAN and each.id not in guarded]
    human = next(each for each in people if not each.blocked and each.departed is None)
    assert stage.directory.authenticate(human.name, made.password, NOW).account.name == human.name


def test_people_who_are_there_already_are_left_alone_unless_it_is_said(directory: BuiltinDirectory) -> None:
    directory.create_account("somebody")
    with pytest.raises(Refused, match="already; nothing was entered"):
        directory.found_organisation(20, 7)
    assert [each.name for each in directory.accounts()] == ["somebody"]
    directory.found_organisation(20, 7, beside=True)
    assert len(list(directory.accounts())) > 20
    with pytest.raises(NameTaken):
        directory.found_organisation(20, 7, beside=True)


def test_the_directory_goes_on_counting_behind_it(directory: BuiltinDirectory) -> None:
    directory.found_organisation(20, 7)
    last = max(each.id for each in directory.accounts())
    assert directory.create_account("somebody").id > last


def test_a_trial_begins_with_one_command(terminal: Terminal) -> None:
    said = terminal("seed --people 20")
    assert said.code == 0, said.err
    assert "shown this once" in said.out
    assert "20 people" not in said.err
    again = terminal("seed --people 20")
    assert again.code == 3
    assert "nothing was entered" in again.err
    assert len(terminal("accounts --json").json) == 23
