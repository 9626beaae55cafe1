"""Second factors required of everybody or of a group: each account has a day of its own, the earliest that applies."""

from __future__ import annotations

import pytest

from stockade.directory import AccountKind, BuiltinDirectory, FactorOverdue, Level, Scope
from stockade.directory.refusals import UnknownGroup
from tests.directory.conftest import NOW, Stage

DAY = 86_400.0


@pytest.fixture
def house(stage: Stage) -> BuiltinDirectory:
    """Anna and Berta in a group, Clara beside it, and a program in it."""
    directory = stage.directory
    for name in ("anna", "berta", "clara"):
        directory.create_account(name, password="correct horse battery")
    directory.create_account("robot", AccountKind.BOT)
    for path in ("forge/tools/saw", "forge_2/other"):
        directory.create_repository(path)
    directory.add_member("anna", "forge", Level.OWNER)
    directory.add_member("berta", "forge/tools/saw", Level.DEVELOPER)
    directory.add_member("clara", "forge_2", Level.OWNER)
    directory.add_member("robot", "forge", Level.DEVELOPER)
    return directory


def due(directory: BuiltinDirectory) -> dict[str, float | None]:
    return {each.account.name: each.account.factor_due for each in directory.two_factor_status()}


def test_a_group_asks_whoever_may_do_something_in_it(stage: Stage, house: BuiltinDirectory) -> None:
    assert house.require_two_factor("forge/tools", 3 * DAY) == 2
    assert due(house) == {"anna": NOW + 3 * DAY, "berta": NOW + 3 * DAY, "clara": None}
    [event] = stage.reported("factor.policy.change")
    assert event.details == {"required": True, "grace": 3 * DAY, "told": 2}
    assert str(event.target) == "stockade:group/forge/tools"


def test_the_earliest_day_counts(house: BuiltinDirectory) -> None:
    house.require_two_factor("forge", 3 * DAY)
    assert house.require_two_factor(None, DAY) == 3
    assert house.require_two_factor(None, 9 * DAY) == 0
    assert set(due(house).values()) == {NOW + DAY}
    assert house.two_factor_rules() == {"": 9 * DAY, "forge": 3 * DAY}


def test_who_comes_later_is_asked_too(house: BuiltinDirectory) -> None:
    house.require_two_factor("forge", 2 * DAY)
    house.add_member("clara", "forge/tools", Level.GUEST)
    assert due(house)["clara"] == NOW + 2 * DAY
    house.require_two_factor(None, 5 * DAY)
    assert house.create_account("dora").factor_due == NOW + 5 * DAY
    assert house.account("dora").factor_due == NOW + 5 * DAY
    assert house.create_account("machine", AccountKind.BOT).factor_due is None


def test_programs_go_on_and_people_are_refused_when_the_grace_is_over(house: BuiltinDirectory) -> None:
    _, people = house.issue_token("anna", "laptop", [Scope.API])
    _, program = house.issue_token("robot", "ci", [Scope.API])
    house.require_two_factor("forge", DAY)
    assert house.authenticate_token(people, NOW + DAY - 1).account.name == "anna"
    with pytest.raises(FactorOverdue):
        house.authenticate_token(people, NOW + DAY)
    assert house.authenticate_token(program, NOW + DAY).account.name == "robot"


def test_lifting_a_rule_asks_nobody_else_and_one_by_one_they_are_let_off(house: BuiltinDirectory) -> None:
    house.require_two_factor("forge", DAY)
    house.lift_two_factor("forge")
    house.add_member("clara", "forge", Level.GUEST)
    assert due(house) == {"anna": NOW + DAY, "berta": NOW + DAY, "clara": None}
    house.require_factor("anna", waive=True)
    assert due(house)["anna"] is None
    assert house.two_factor_rules() == {}


def test_a_group_that_nothing_lies_in_is_not_known(house: BuiltinDirectory) -> None:
    for path in ("forg", "forge/tools/saw"):
        with pytest.raises(UnknownGroup):
            house.require_two_factor(path, DAY)
