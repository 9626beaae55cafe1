"""A plan on the screen: however many steps it has, it can be read, and where all are asked for, none is left out."""

from __future__ import annotations

import pytest

from stockade.cli.planned import show
from stockade.respond.approvals import Rule
from stockade.steps import Step, Tactic
from tests.respond.plans import Night, drawn, revoke, token

MANY = 40


def succeeded(number: int, before: int) -> tuple[Step, ...]:
    """A token that a program works with: a successor, a hand, and only then its end."""
    end = revoke(token(number))
    return (
        Step("token.rotate", token(number), Tactic.RESTORE, "a program works with it"),
        Step("token.replace", token(number), Tactic.RESTORE, "put in", by_hand=True, details={"after": before + 1}),
        Step(end.verb, end.target, end.tactic, end.reason, undo=end.undo, details={"after": before + 2}),
    )


@pytest.fixture
def night() -> Night:
    return Night(drawn(tuple(step for n in range(MANY) for step in succeeded(n + 1, 3 * n))))


def test_steps_alike_are_folded_wherever_they_stand_and_each_tactic_is_named_once(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    show(night.state, Rule())
    said = capsys.readouterr().out
    assert [said.count(f"\n{tactic}") for tactic in ("RESTORE", "EVICT")] == [1, 1]
    assert said.count("and 34 more like these") == 3
    assert sum("token." in line for line in said.splitlines()) == 3 * 6
    assert "after step 2" in said, "what a step waits for is said"


def test_all_of_them_stand_in_the_order_in_which_they_are_taken(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    show(night.state, Rule(), everything=True)
    numbers = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "token." in line]
    assert numbers == [str(number) for number in range(1, 3 * MANY + 1)]
