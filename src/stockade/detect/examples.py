"""Every rule is tried on its own examples: it must match the one, and must not match the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from stockade.detect.detector import Rules
from stockade.detect.rule import Examples, Rule
from stockade.detect.view import Locate, Place
from stockade.events import Entry, Event


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a rule's examples: ``wrong`` is empty when both came out as they must."""

    rule: Rule
    wrong: str = ""


def tried(rules: Sequence[Rule]) -> Iterator[Tried]:
    """Each rule that reports, on its examples, with the rules of its file beside it."""
    for rule in rules:
        if not rule.part:
            yield Tried(rule, _what_is_wrong(rule, rules))


def findings_of(rule: Rule, rules: Iterable[Rule], events: Sequence[Event]) -> int:
    """How often a rule reports when it sees some events."""
    detector = Rules(_needed(rule, {other.name: other for other in rules}), locate=_located(rule.examples))
    fed = (Entry(number, event.time, event) for number, event in enumerate(events))
    return sum(finding.rule == rule.name for entry in fed for finding in detector.feed(entry))


def _what_is_wrong(rule: Rule, rules: Sequence[Rule]) -> str:
    if not rule.examples.match:
        return "has no example that must match"
    if not rule.examples.clean:
        return "has no example that must not match"
    if not findings_of(rule, rules, rule.examples.match):
        return "does not match the example that it must match"
    if findings_of(rule, rules, rule.examples.clean):
        return "matches the example that it must not match"
    return ""


def _needed(rule: Rule, rules: dict[str, Rule]) -> list[Rule]:
    """A rule and those that it refers to, in any depth."""
    found, waiting = dict[str, Rule](), [rule]
    while waiting:
        each = waiting.pop()
        found[each.name] = each
        if each.correlation is not None:
            waiting += [rules[name] for name in each.correlation.rules if name not in found]
    return [other for name, other in rules.items() if name in found]


def _located(examples: Examples) -> Locate:
    networks = [(ip_network(network), place) for network, place in examples.places.items()]

    def locate(address: str) -> Place | None:
        return next((place for network, place in networks if ip_address(address) in network), None)

    return locate
