"""A correlation of Sigma, read by pySigma, becomes one that runs; what a stream cannot tell is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import eq, ge, gt
from typing import Final

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from stockade.detect.values import CannotEvaluate
from stockade.detect.windows import Correlation, Way

_WAYS: Final[dict[str, Way]] = {
    "EVENT_COUNT": "event_count",
    "VALUE_COUNT": "value_count",
    "TEMPORAL": "temporal",
    "TEMPORAL_ORDERED": "temporal_ordered",
}
_ENOUGH: Final[dict[str, Callable[[int, float], bool]]] = {"GTE": ge, "GT": gt, "EQ": eq}
_SIGNS: Final = {"GTE": "≥", "GT": ">", "EQ": "="}


def correlation_of(rule: SigmaCorrelationRule, names: Mapping[int, str]) -> Correlation:
    """What a correlation remembers and when it holds; ``names`` are those of the rules it refers to.

    Raises CannotEvaluate for kinds other than the four, and for conditions that hold only when something did *not*
    happen: they are known when the window is over, and a finding that late helps nobody.
    """
    if rule.type.name not in _WAYS:
        raise CannotEvaluate(f"correlation.type {rule.type.name.lower()}")
    known = {reference.reference: names[id(reference.rule)] for reference in rule.referenced_rules}
    way = _WAYS[rule.type.name]
    condition = rule.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        if way == "temporal_ordered":
            raise CannotEvaluate("correlation.condition with and, or in temporal_ordered")
        formula = _formula(condition.parsed, known)
        return _made(rule, way, known, says=condition.expression, formula=formula)
    return _counted(rule, way, known, condition)


def _counted(
    rule: SigmaCorrelationRule, way: Way, known: Mapping[str, str], condition: SigmaCorrelationCondition
) -> Correlation:
    operator, count = condition.op.name, condition.count
    if operator not in _ENOUGH:
        raise CannotEvaluate(f"correlation.condition {operator.lower()}")
    if way == "temporal_ordered" and (operator, count) != ("GTE", len(known)):
        raise CannotEvaluate("correlation.condition in temporal_ordered")
    holds = _ENOUGH[operator]
    field = condition.fieldref
    values = () if field is None else (field,) if isinstance(field, str) else tuple(field)
    says = f"{_SIGNS[operator]} {count}" + (f" different {', '.join(values)}" if values else "")
    return _made(rule, way, known, says=says, enough=lambda found: holds(found, count), values=values)


def _made(rule: SigmaCorrelationRule, way: Way, known: Mapping[str, str], **more: object) -> Correlation:
    return Correlation(
        way,
        tuple(known.values()),
        float(rule.timespan.seconds),
        tuple(rule.group_by or ()),
        {alias.alias: {known[ref.reference]: name for ref, name in alias.mapping.items()} for alias in rule.aliases},
        **more,  # type: ignore[arg-type]
    )


def _formula(
    node: CorrelationConditionItem | SigmaRuleReference, known: Mapping[str, str]
) -> Callable[[frozenset[str]], bool]:
    if isinstance(node, SigmaRuleReference):
        name = known[node.reference]
        return lambda matched: name in matched
    inner = [_formula(each, known) for each in node.args]
    if isinstance(node, CorrelationConditionAND):
        return lambda matched: all(each(matched) for each in inner)
    if isinstance(node, CorrelationConditionOR):
        return lambda matched: any(each(matched) for each in inner)
    raise CannotEvaluate("correlation.condition not")
