"""Sigma rules, read by pySigma, become rules that run; what cannot be evaluated is refused, naming rule and place.

A rule may have a section of our own, ``stockade:``, which other readers of Sigma pass over::

    stockade:
      attack: 19                  # the version of ATT&CK that the tags are of
      subject: account            # whom a finding is about: account, actor, target or source
      quiet: 1h                   # the same about the same subject is told once in that time
      shadow: true                # on trial: findings are marked; so it is with status: experimental unless false
      part: true                  # only there for correlations of the same file to refer to
      remember: {type: first_seen, field: source.network, group-by: account, for: 90d}
      examples: {match: [...], clean: [...], places: {...}}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath
from typing import Any, Final

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaCollectionError, SigmaError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaRuleBase
from sigma.rule.base import check_alias_expansion

from stockade.detect.conditions import condition_of, either, every, of_source
from stockade.detect.correlating import correlation_of
from stockade.detect.foreign import foreign_getter, source_of
from stockade.detect.rule import QUIET, Rule
from stockade.detect.section import examples_of, remember_of, seconds, section_of
from stockade.detect.values import MODIFIERS, CannotEvaluate
from stockade.detect.view import getter
from stockade.errors import ConfigurationError
from stockade.events import Severity

MOST_OCTETS: Final = 1_000_000
"""Octets of a file of rules that are read."""
_LEVELS: Final[Mapping[str, Severity]] = {
    "informational": "informational",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}

Sigma = SigmaRule | SigmaCorrelationRule


def rules_of(texts: Iterable[tuple[str, str]]) -> list[Rule]:
    """The rules of some files, given as name and text; those that others refer to come first.

    Raises ConfigurationError for what is no Sigma rule, for what cannot be evaluated, and for names given twice.
    """
    sources, parsed = dict[str, str](), list[Sigma | SigmaFilter]()
    for file, text in texts:
        sources[file] = text
        parsed += _parsed(file, text)
    _refuse_filters_of_nothing(parsed)
    try:
        collection = SigmaCollection(init_rules=parsed, errors=[])
        names = _names([rule for rule in collection.rules if not isinstance(rule, SigmaFilter)])
    except SigmaError as error:
        raise _wrong("the rules", error) from error
    _refuse_circles(collection, names)
    return [_rule(rule, names, sources[_file(rule)]) for rule in collection.rules]


def _refuse_filters_of_nothing(parsed: Sequence[Sigma | SigmaFilter]) -> None:
    """A filter that names a rule which is not there would look as if it did something."""
    rules = [rule for rule in parsed if not isinstance(rule, SigmaFilter)]
    known = {str(called) for rule in rules for called in (rule.name, rule.id) if called}
    for each in parsed:
        if isinstance(each, SigmaFilter) and not isinstance(each.filter.rules, str):
            for reference in each.filter.rules:
                if reference.reference not in known:
                    where = str(each.source.path) if each.source else ""
                    raise ConfigurationError(f"{where}: {each.title!r} filters {reference.reference}, which is no rule")


def _refuse_circles(collection: SigmaCollection, names: Mapping[int, str]) -> None:
    asks = {
        names[id(rule)]: {names[id(reference.rule)] for reference in rule.referenced_rules}
        for rule in collection.rules
        if isinstance(rule, SigmaCorrelationRule)
    }
    try:
        TopologicalSorter(asks).prepare()
    except CycleError as circle:
        raise ConfigurationError(f"rules refer to one another in a circle: {' → '.join(circle.args[1])}") from None


def _parsed(file: str, text: str) -> Iterator[Sigma | SigmaFilter]:
    if len(text) > MOST_OCTETS:
        raise ConfigurationError(f"{file} is larger than {MOST_OCTETS:,} octets")
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
        where = SigmaRuleLocation(file)  # type: ignore[arg-type]  # a path is made of it
        for document in documents:
            check_alias_expansion(document, SigmaCollectionError, where)
            _refuse_what_is_not_evaluated(file, document)
        made = SigmaCollection.from_dicts(documents, source=where, collect_filters=True, resolve_references=False)
        yield from made.rules
        yield from made.filters
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{file} is not YAML: {error}") from error
    except (SigmaError, AttributeError, TypeError, KeyError, ValueError) as error:
        raise _wrong(file, error) from error


def _refuse_what_is_not_evaluated(file: str, document: object) -> None:
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"{file}: {str(document)[:60]!r} is no rule", remedy="A rule begins with a title.")
    if "action" in document:
        remedy = "Write each rule as a document of its own."
        raise ConfigurationError(
            f"{file}: collections with action: {document['action']} are not evaluated", remedy=remedy
        )
    title = str(document.get("title", ""))
    for section in ("detection", "filter"):
        for place, key in _keys(document.get(section), section):
            for modifier in key.split("|")[1:]:
                if modifier not in MODIFIERS:
                    remedy = f"Write it with one of: {', '.join(MODIFIERS)}."
                    said = f"{file}: {title!r} asks in {place} for the modifier {modifier!r}, which is not evaluated"
                    raise ConfigurationError(said, remedy=remedy)


def _keys(found: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        for key, inner in found.items():
            yield f"{place}.{key}", str(key)
            yield from _keys(inner, f"{place}.{key}")
    elif isinstance(found, list):
        for number, inner in enumerate(found):
            yield from _keys(inner, f"{place}[{number}]")


def _file(rule: SigmaRuleBase) -> str:
    return str(rule.source.path) if rule.source else ""


def _names(rules: Sequence[Sigma]) -> dict[int, str]:
    """What each rule is called: its name, else its file's; parts and further documents their id."""
    taken, names = dict[str, str](), dict[int, str]()
    for rule in rules:
        name = rule.name or PurePath(_file(rule)).stem
        if name in taken and not rule.name:
            name = f"{name}/{rule.id or len(taken)}"
        if name in taken:
            raise ConfigurationError(f"two rules are called {name}: in {taken[name]} and in {_file(rule)}")
        taken[name] = _file(rule)
        names[id(rule)] = name
    return names


def _rule(rule: Sigma, names: Mapping[int, str], source: str) -> Rule:
    file, section = _file(rule), section_of(rule, _file(rule))
    try:
        runs = _what_runs(rule, names, section, file)
    except (CannotEvaluate, SigmaError, TypeError) as error:
        raise _wrong(f"{file}: {rule.title!r}", error) from error
    tags = [str(tag) for tag in rule.tags]
    silenced = not rule._output and any(_file(other) == file for other in rule._backreferences)
    return Rule(
        name=names[id(rule)],
        title=rule.title,
        level=_LEVELS[rule.level.name.lower()] if rule.level else "informational",
        file=file,
        id=str(rule.id or ""),
        description=(rule.description or "").strip(),
        status=rule.status.name.lower() if rule.status else "",
        harmless=tuple(rule.falsepositives or ()),
        techniques=tuple(tag[7:].upper() for tag in tags if tag.startswith("attack.t") and tag[8:9].isdigit()),
        attack=str(section.get("attack", "")),
        tags=tuple(tags),
        part=bool(section.get("part")) or silenced,
        shadow=bool(section.get("shadow", rule.status is not None and rule.status.name == "EXPERIMENTAL")),
        subject=section.get("subject", "account"),
        quiet=seconds(section["quiet"], file) if "quiet" in section else _quiet(rule),
        examples=examples_of(section.get("examples", {}), file),
        source=source,
        **runs,
    )


def _what_runs(rule: Sigma, called: Mapping[int, str], section: Mapping[str, Any], file: str) -> dict[str, Any]:
    if isinstance(rule, SigmaCorrelationRule):
        return {"correlation": correlation_of(rule, called)}
    try:
        source = source_of(rule.logsource.product, rule.logsource.service)
    except KeyError:
        said = f"logs of product {rule.logsource.product}, service {rule.logsource.service}"
        said += f", category {rule.logsource.category}" if rule.logsource.category else ""
        raise CannotEvaluate(said) from None
    names = getter if source is None else foreign_getter
    test = either([condition_of(condition.parsed, names) for condition in rule.detection.parsed_condition])
    test = test if source is None else every([of_source(*source), test])
    return {
        "condition": test,
        "foreign": source is not None,
        "remember": remember_of(section["remember"], file) if "remember" in section else None,
    }


def _quiet(rule: Sigma) -> float:
    return max(QUIET, float(rule.timespan.seconds)) if isinstance(rule, SigmaCorrelationRule) else QUIET


def _wrong(where: str, error: Exception) -> ConfigurationError:
    what = f"asks for {error}, which is not evaluated" if isinstance(error, CannotEvaluate) else str(error)
    return ConfigurationError(f"{where}: {what}", remedy="See docs/how-to/write-a-rule.md for what is evaluated.")
