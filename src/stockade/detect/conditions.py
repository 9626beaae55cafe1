"""The condition of a Sigma rule, parsed by pySigma, becomes two functions: does it hold, and could it at all?

The second is asked only once for every action, system and outcome: with nothing else known, and in three values (yes,
no, that depends). Rules that say no are never shown such an event, and those that say yes are not asked again: most
rules never see most events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sigma import conditions, types

from stockade.detect.values import Check, check_of, keyword_of, text_of
from stockade.detect.view import FIELDS, MISSING, Getter, View, getter, system_of

Names = Callable[[str], Getter]


@dataclass(frozen=True, slots=True)
class Kind:
    """What all events of one sort have in common."""

    action: str
    system: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Condition:
    """``match`` says whether an entry fits; ``possible`` whether one of a kind can, None where it depends."""

    match: Callable[[View], bool]
    possible: Callable[[Kind], bool | None]


def condition_of(condition: Any, names: Names = getter) -> Condition:
    """Compile a condition; ``names`` says how a field of this name is looked up. Raises CannotEvaluate."""
    match condition:
        case conditions.ConditionAND():
            return every([condition_of(inner, names) for inner in condition.args])
        case conditions.ConditionOR():
            return either([condition_of(inner, names) for inner in condition.args])
        case conditions.ConditionNOT():
            return _negated(condition_of(condition.args[0], names))
        case conditions.ConditionFieldEqualsValueExpression():
            return _field(condition.field, condition.value, names)
        case conditions.ConditionValueExpression():
            holds = keyword_of(condition.value)
            return Condition(lambda view: holds(view.text), _depends)
    raise TypeError(f"no condition: {condition!r}")


def every(tests: Sequence[Condition]) -> Condition:
    """All of them."""
    matches, possibles = [test.match for test in tests], [test.possible for test in tests]

    def match(view: View) -> bool:
        return all(inner(view) for inner in matches)

    def possible(kind: Kind) -> bool | None:
        known = [inner(kind) for inner in possibles]
        return False if False in known else (None if None in known else True)

    return Condition(match, possible)


def either(tests: Sequence[Condition]) -> Condition:
    """One of them."""
    matches, possibles = [test.match for test in tests], [test.possible for test in tests]

    def match(view: View) -> bool:
        return any(inner(view) for inner in matches)

    def possible(kind: Kind) -> bool | None:
        known = [inner(kind) for inner in possibles]
        return True if True in known else (None if None in known else False)

    return Condition(match, possible)


def of_source(systems: frozenset[str], programs: frozenset[str]) -> Condition:
    """An event of one of these systems, and where its program is known and programs are named, of one of those.

    An event that names neither who nor what has no system; it may be of any, if another system has named it.
    """

    def match(view: View) -> bool:
        details = view.event.details
        if not system_of(view.event) and "type" not in details:
            return False
        program = details.get("program")
        return not programs or program is None or program in programs

    def possible(kind: Kind) -> bool | None:
        return None if not kind.system or kind.system in systems else False

    return Condition(match, possible)


def _negated(test: Condition) -> Condition:
    inner, could = test.match, test.possible

    def possible(kind: Kind) -> bool | None:
        known = could(kind)
        return None if known is None else not known

    return Condition(lambda view: not inner(view), possible)


def _depends(_kind: Kind) -> bool | None:
    return None


def _field(name: str, value: types.SigmaType, names: Names) -> Condition:
    get = names(name)
    match value:
        case types.SigmaNull():
            return Condition(lambda view: get(view) is MISSING, _depends)
        case types.SigmaExists():
            wanted = value.exists
            return Condition(lambda view: (get(view) is not MISSING) is wanted, _depends)
        case types.SigmaFieldReference():
            return _reference(get, names(value.field), value)
    return _checked(get, check_of(value))


def _checked(get: Getter, check: Check) -> Condition:
    def match(view: View) -> bool:
        found = get(view)
        if found is MISSING:
            return False
        return any(map(check, found)) if isinstance(found, (list, tuple)) else check(found)

    known = _KNOWN.get(get)
    return Condition(match, _depends if known is None else lambda kind: check(known(kind)))


_KNOWN: Final[dict[Getter, Callable[[Kind], str]]] = {
    FIELDS["action"]: lambda kind: kind.action,
    FIELDS["system"]: lambda kind: kind.system,
    FIELDS["outcome"]: lambda kind: kind.outcome,
}


def _reference(get: Getter, other: Getter, value: types.SigmaFieldReference) -> Condition:

    def match(view: View) -> bool:
        mine, theirs = get(view), other(view)
        if mine is MISSING or theirs is MISSING:
            return False
        one, two = text_of(mine).casefold(), text_of(theirs).casefold()
        if value.starts_with and value.ends_with:
            return two in one
        if value.starts_with:
            return one.startswith(two)
        return one.endswith(two) if value.ends_with else one == two

    return Condition(match, _depends)
