"""The reference of the rule pack, written from the rules themselves: ``python -m stockade.detect.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stockade.actions import BEHAVIOUR_OF, Behaviour
from stockade.detect.conditions import Kind
from stockade.detect.foreign import SOURCES
from stockade.detect.memory import Remember
from stockade.detect.pack import own_pack
from stockade.detect.rule import Rule
from stockade.detect.stories import WORST
from stockade.detect.windows import Correlation

HEAD: Final = """\
# The rules

What `stockade detect` looks for unless told otherwise, class by class, the worst first. `stockade detect explain RULE`
shows how one is written; [write a rule](../how-to/write-a-rule.md) says how to add your own. Technique ids are those of
ATT&CK v19. This page is written by `python -m stockade.detect.reference`.
"""
FIELDS_MEAN: Final = {
    "action": "what happened, a word of the vocabulary",
    "actor": "who did it, `gitlab:user/alice`; `actor.system`, `actor.kind` and `actor.id` are its parts",
    "actor.name": "the id, or the name where an event has told the name of this number; `target.name` likewise",
    "target": "to what it was done, with the same parts",
    "account": "the account that it is about: the target where that is one, else the actor; its name where known",
    "source": "the address it came from; `source.network` is its /24 or /64, `source.country` needs a GeoIP database",
    "outcome": "`success`, `failure`, `refused` or `unknown`",
    "time": "when it happened, never later than it was recorded",
    "device": "the user agent without version numbers",
    "system": "the system that tells of it",
    "origin": "the log that holds it, where there are several",
    "details.…": "anything else; a dot goes one object deeper, a number picks from a list",
}
STORIES: Final = "stories"
OUTCOMES: Final = ("success", "failure", "refused", "unknown")


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections(), *_fields(), *_sources()])


def _fields() -> Iterator[str]:
    yield "## Fields of `product: stockade`\n\n| field | holds |\n|---|---|"
    yield from (f"| `{name}` | {means} |" for name, means in FIELDS_MEAN.items())
    yield ""


def _sources() -> Iterator[str]:
    yield "## Log sources of other products\n"
    yield "Their rules read the events of these systems, by the names of their own fields.\n"
    yield "| product | service | systems | programs |\n|---|---|---|---|"
    for (product, service), source in SOURCES.items():
        cells = [
            product,
            service or "any",
            ", ".join(sorted(source.systems)),
            ", ".join(sorted(source.programs)) or "all",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _sections() -> Iterator[str]:
    rules = own_pack()
    named = {rule.name: rule for rule in rules}
    classes = [*(behaviour.value for behaviour in Behaviour), STORIES]
    held: dict[str, list[Rule]] = {name: [] for name in classes}
    for rule in sorted(rules, key=lambda rule: (WORST.index(rule.level), rule.name)):
        if not rule.part:
            held[_class_of(rule, named)].append(rule)
    for name in classes:
        if held[name]:
            yield f"## {name[0].upper()}{name[1:]}\n"
            yield "| level | rule | says | may be harmless | ATT&CK |\n|---|---|---|---|---|"
            yield from map(_row, held[name])
            yield ""


def _row(rule: Rule) -> str:
    cells = [
        rule.level,
        f"`{rule.name}`",
        f"{rule.title}{_when(rule)}",
        " ".join(rule.harmless),
        " ".join(rule.techniques),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _when(rule: Rule) -> str:
    if rule.correlation is not None:
        return f" *({_counted(rule.correlation)})*"
    return f" *({_remembered(rule.remember)})*" if rule.remember is not None else ""


def _counted(correlation: Correlation) -> str:
    by = f", for each {', '.join(correlation.group_by)}" if correlation.group_by else ""
    how = {"event_count": correlation.says, "value_count": correlation.says}.get(correlation.way)
    what = how or ("in this order" if correlation.way == "temporal_ordered" else "in any order")
    return f"{what} within {_span(correlation.timespan)}{by}"


def _remembered(remember: Remember) -> str:
    by = f", for each {', '.join(remember.group_by)}"
    if remember.type == "first_seen":
        return f"{remember.field} not seen for {_span(remember.keep)}{by}"
    if remember.type == "dormant":
        return f"nothing for {_span(remember.silence)}{by}"
    return f"faster than {remember.speed:g} km/h{by}"


def _span(seconds: float) -> str:
    size, unit = next((size, unit) for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")) if seconds % size == 0)
    return f"{seconds / size:g} {unit}"


def _class_of(rule: Rule, named: dict[str, Rule]) -> str:
    """The class whose events a rule is about; a story where they are of several."""
    classes = {behaviour for each in _singles(rule, named) for behaviour in _watched(each)}
    return classes.pop().value if len(classes) == 1 else STORIES


def _singles(rule: Rule, named: dict[str, Rule]) -> Iterator[Rule]:
    if rule.correlation is None:
        yield rule
        return
    for name in rule.correlation.rules:
        yield from _singles(named[name], named)


def _watched(rule: Rule) -> set[Behaviour]:
    condition = rule.condition
    return {
        behaviour
        for action, behaviour in BEHAVIOUR_OF.items()
        for outcome in OUTCOMES
        if condition is not None and condition.possible(Kind(action, "gitlab", outcome)) is not False
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
