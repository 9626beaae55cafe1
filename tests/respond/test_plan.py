"""A plan is the same plan wherever it is read, and no other plan has its digest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit.record import MAX_LINE, body_of, line_of, parse
from stockade.errors import ConfigurationError, Tampered
from stockade.events import Entry, Ref
from stockade.respond.plan import events_of, plan_as_json, step_as_json, step_of, words_of
from stockade.respond.standing import chosen, standings
from stockade.steps import Step, Tactic
from tests.respond.plans import NOW, OLGA, STEPS, drawn, token
from tests.respond.systems import Journal

names = st.text(st.characters(codec="utf-8", exclude_characters=":/"), min_size=1, max_size=12)
refs = st.builds(Ref, names, names, names)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
facts = st.dictionaries(names, values, max_size=3)
simple = st.builds(Step, names, refs, st.sampled_from(Tactic), names, details=facts)
steps = st.builds(
    Step,
    names,
    refs,
    st.sampled_from(Tactic),
    names,
    effect=st.text(max_size=20),
    undo=st.none() | simple,
    by_hand=st.booleans(),
    expects=facts,
    details=facts,
)


@given(steps)
def test_a_step_comes_back_from_json_as_it_went(step: Step) -> None:
    assert step_of(step_as_json(step)) == step


@given(st.lists(steps, max_size=5))
def test_a_plan_comes_back_from_the_lines_of_a_log_with_its_digest(found: list[Step]) -> None:
    plan = drawn(tuple(found))
    lines = [line_of(n, "2027-01-15T08:00:00.000000Z", body_of(event)) for n, event in enumerate(events_of(plan, OLGA))]
    read = standings(map(parse, lines))[plan.digest()].plan
    assert read == plan


@given(steps, steps)
def test_plans_of_other_steps_have_another_digest(one: Step, other: Step) -> None:
    same = plan_as_json(drawn((one,))) == plan_as_json(drawn((other,)))
    assert (drawn((one,)).digest() == drawn((other,)).digest()) is same


def test_whatever_is_changed_in_a_plan_changes_its_digest() -> None:
    plan = drawn()
    others = [
        replace(plan, steps=plan.steps[::-1]),
        replace(plan, steps=plan.steps[:-1]),
        replace(plan, steps=(replace(plan.steps[0], reason="another"), *plan.steps[1:])),
        replace(plan, steps=(replace(plan.steps[0], undo=None), *plan.steps[1:])),
        replace(plan, expires=plan.expires + 1),
        replace(plan, incident="another"),
        replace(plan, asked={}),
    ]
    assert len({each.digest() for each in [plan, *others]}) == len(others) + 1


def test_a_plan_of_thousands_of_steps_fits_into_entries() -> None:
    step = replace(STEPS[2], reason="é" * 150)
    plan = drawn(tuple(replace(step, target=token(n)) for n in range(2500)))
    events = list(events_of(plan, OLGA))
    assert max(len(body_of(event)) for event in events) < MAX_LINE
    assert len(events) < 100
    assert standings(Entry(n, NOW, event) for n, event in enumerate(events))[plan.digest()].plan == plan


def test_a_plan_whose_steps_were_changed_in_the_log_is_refused() -> None:
    journal = Journal()
    journal.write_all(events_of(drawn(), OLGA))
    first = journal.entries[0].event
    steps = first.details["steps"]
    assert isinstance(steps, list)
    told = {**first.details, "steps": [*steps[:-1], step_as_json(replace(STEPS[0], reason="let him in"))]}
    journal.entries[0] = Entry(0, NOW, replace(first, details=told))
    with pytest.raises(Tampered, match="not those that it was drawn with"):
        journal.states()


def test_a_plan_that_lacks_steps_in_the_log_is_refused() -> None:
    journal = Journal()
    journal.write_all(events_of(drawn(), OLGA))
    with pytest.raises(Tampered):
        standings(journal.entries[1:])


@pytest.mark.parametrize("said", [{}, {"verb": "a.b"}, {"verb": "a", "target": "x", "tactic": "evict"}])
def test_what_is_no_step_is_said_to_be_none(said: dict[str, str]) -> None:
    with pytest.raises(Tampered, match="not a step"):
        step_of(said)


def test_a_plan_is_named_by_eight_characters_of_its_digest_that_are_no_other_plans() -> None:
    journal = Journal()
    plan = drawn()
    journal.write_all(events_of(plan, OLGA))
    plans = journal.states()
    assert chosen(plans, plan.digest()[:8].upper()).plan == plan
    with pytest.raises(ConfigurationError, match="too short"):
        chosen(plans, plan.digest()[:7])
    with pytest.raises(ConfigurationError, match="no plan"):
        chosen(plans, "0" * 8 if not plan.digest().startswith("0" * 8) else "1" * 8)
    twins = {f"{plan.digest()[:8]}{n}": plans[plan.digest()] for n in range(2)}
    with pytest.raises(ConfigurationError, match="2 plans begin"):
        chosen(twins, plan.digest()[:8])


def test_a_digest_is_also_four_words() -> None:
    assert words_of("7f000001" + "3f54dcc1" + "00" * 24) == "lusab babad gutih tugad"


def test_what_carries_no_plan_or_an_unknown_one_tells_nothing() -> None:
    journal = Journal()
    journal.write_all(events_of(drawn(), OLGA))
    alien = [replace(each.event, details={**each.event.details, "plan": plan}) for each in journal.entries
             for plan in (None, 7, "f" * 64)]  # fmt: skip
    strays = [Entry(90 + n, NOW, replace(event, action="step.start")) for n, event in enumerate(alien)]
    assert standings([*journal.entries, *strays]) == journal.states()
