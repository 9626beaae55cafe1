"""A plan on the screen: numbered, by tactic, what cannot be undone in red, and at the end what to type next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from stockade.cli import screen
from stockade.respond.approvals import Rule
from stockade.respond.next import SHOWN, next_of
from stockade.respond.plan import plan_as_json, step_as_json, words_of
from stockade.respond.standing import UNASKED, PlanState, Progress, StepState
from stockade.steps import Tactic

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from stockade.respond.gate import Box

FEW: Final = 6
"""Steps alike that are shown one by one; of more, so many, and how many more there are."""
WIDE: Final = 96
"""Columns from which on the reason of a step has room beside it."""
MEANINGS: Final = {
    Tactic.PRESERVE: "before anything is touched",
    Tactic.ISOLATE: "shut out",
    Tactic.EVICT: "take away what opens anything",
    Tactic.RESTORE: "make anew what was within reach",
    Tactic.HARDEN: "make it harder",
    Tactic.DETECT: "watch",
}
MARKS: Final = {
    Progress.PENDING: ("", ""),
    Progress.STARTED: ("begun", "bold yellow"),
    Progress.DONE: ("done", "green"),
    Progress.FAILED: ("FAILED", "bold red"),
    Progress.WAITING: ("WAITS", "bold yellow"),
    Progress.UNDOING: ("undoing", "bold yellow"),
    Progress.UNDONE: ("undone", "cyan"),
}


def show(state: PlanState, rule: Rule, *, everything: bool = False) -> None:
    """The whole plan as it stands: ``everything`` in the order in which it is taken, else steps alike folded."""
    now, gathered = time.time(), _in_order if everything else _together
    screen.say(*_heading(state, now))
    for steps in gathered(state.steps, lambda each: each.step.tactic):
        screen.say("", _tactic(state, rule, steps[0].step.tactic))
        alike = gathered(steps, lambda each: (each.step.verb, each.step.by_hand))
        screen.say(_steps(alike, 10**9 if everything else FEW))
    screen.say("", *summary(state))
    what_next(state, rule)


def what_next(state: PlanState, rule: Rule) -> None:
    """One line each for what may be typed next, the first of them the one that helps most."""
    rows = next_of(state, rule, time.time())
    if rows:
        screen.say("", screen.hints(*rows))


def _heading(state: PlanState, now: float) -> Iterator[RenderableType]:
    plan = state.plan
    who = f"{plan.subject.kind} {plan.subject.id}"
    title = screen.shown("plan ", "bold") + screen.shown(state.digest[:SHOWN], "bold cyan")
    yield title + screen.shown(f"  {words_of(state.digest)}", "cyan") + screen.shown(f"   {who}", "bold")
    held = f"drawn {screen.clock_time(plan.drawn, now)}"
    held = held if state.called == "drawn" else f"{state.called}; {held}"
    if not state.begun:
        late = now >= plan.expires
        held += (
            f", EXPIRED {screen.since(plan.expires, now)}" if late else f", expires {screen.until(plan.expires, now)}"
        )
    yield screen.shown(f"{held}; incident {plan.incident}", "dim")
    since = plan.asked.get("since")
    if isinstance(since, (int, float)):
        yield screen.shown(f"it looks back to {screen.clock_time(float(since), now)}; --since looks further", "dim")


def _tactic(state: PlanState, rule: Rule, tactic: Tactic) -> Text:
    line = screen.shown(f"{tactic.upper():<9}", "bold") + screen.shown(f" {MEANINGS[tactic]}", "dim")
    if tactic in UNASKED:
        return line
    by = ", ".join(ref.id for ref in state.approvers(tactic))
    if by:
        line += screen.shown(f"   approved by {by}", "green")
    if missing := rule.missing(state, tactic):
        line += screen.shown(f"   {screen.plural(missing, 'approval')} missing", "yellow")
    return line


def _in_order(steps: Sequence[StepState], by: Callable[[StepState], object]) -> Iterator[list[StepState]]:
    """Those alike that follow one another."""
    return (list(group) for _, group in groupby(steps, key=by))


def _together(steps: Sequence[StepState], by: Callable[[StepState], object]) -> Iterator[list[StepState]]:
    """Those alike wherever they stand: of each of a program's tokens, three things are done one after another."""
    found: dict[object, list[StepState]] = {}
    for each in steps:
        found.setdefault(by(each), []).append(each)
    return iter(found.values())


def _steps(groups: Iterable[list[StepState]], most: int) -> RenderableType:
    narrow = screen.console().width < WIDE
    listed = _columns(narrow=narrow)
    for alike in groups:
        shown = _notable(alike, most)
        for each in shown:
            what, said = (screen.shown(each.step.verb), _target(each)), _said(each, alone=len(alike) < 3)
            listed.add_row(str(each.number), *(_in_one(*what, said) if narrow else (*what, said)))
        if len(alike) > len(shown):
            more = f"and {len(alike) - len(shown):,} more like these; {_tally(alike)}; --all shows them"
            listed.add_row("", *(() if narrow else ("", "")), screen.shown(more, "dim"))
    return listed


def _columns(*, narrow: bool) -> Table:
    """A number, then what and to what and why: beside one another, or where that is too narrow, under one another."""
    from rich.table import Table

    listed = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    listed.add_column(justify="right", style="bold", no_wrap=True, width=5)
    if not narrow:
        listed.add_column(no_wrap=True, width=18)
        listed.add_column(no_wrap=True, width=20, overflow="ellipsis")
    listed.add_column(overflow="fold", ratio=1)
    return listed


def _in_one(verb: Text, target: Text, said: Text) -> tuple[Text]:
    return (verb.append(" ").append(target).append("\n").append(said),)


def _notable(alike: Sequence[StepState], most: int) -> Sequence[StepState]:
    """All when they are few; else the first, and before them what went wrong."""
    if len(alike) <= most + 2:
        return alike
    wrong = [each for each in alike if each.progress in {Progress.FAILED, Progress.WAITING} or each.held is False]
    return sorted({each.number: each for each in [*wrong[:most], *alike[:most]]}.values(), key=lambda each: each.number)


def _tally(steps: Sequence[StepState]) -> str:
    counts = {progress: sum(each.progress is progress for each in steps) for progress in Progress}
    return ", ".join(f"{count:,} {progress.value}" for progress, count in counts.items() if count)


def _target(each: StepState) -> Text:
    return screen.shown(f"{each.step.target.kind}/{each.step.target.id}", "cyan")


def _said(each: StepState, *, alone: bool) -> Text:
    """Why, what people will notice, and how it stands."""
    from rich.text import Text

    word, style = MARKS[each.progress]
    text = screen.shown(f"{word}  ", style) if word else screen.shown("")
    if each.held is not None:
        text += screen.shown("found so  ", "green") if each.held else screen.shown("NOT SO  ", "bold red")
    if each.waived:
        text += screen.shown(f"waived: {each.waived}  ", "cyan")
    text += screen.shown(each.step.reason)
    if each.step.by_hand:
        text += screen.shown("  by hand", "bold yellow")
    elif each.step.undo is None and each.step.tactic not in UNASKED:
        text += screen.shown("  cannot be undone", "red")
    if each.progress is Progress.PENDING and "after" in each.step.details:
        text += screen.shown(f"  after step {each.step.details['after']}", "dim")
    if each.note and each.progress in {Progress.FAILED, Progress.WAITING}:
        text += Text("\n") + screen.shown(each.note, "yellow")
    if alone and each.step.effect and each.progress is Progress.PENDING:
        text += Text("\n") + screen.shown(each.step.effect, "bold red" if "OUTAGE" in each.step.effect else "dim")
    return text


def summary(state: PlanState) -> Iterator[RenderableType]:
    """How many steps there are and how they stand; what failed or waits, loudly."""
    hands = [each for each in state.steps if each.step.by_hand]
    final = [
        each
        for each in state.steps
        if each.step.undo is None and not each.step.by_hand and each.step.tactic not in UNASKED
    ]
    line = screen.shown(f"{screen.plural(len(state.steps), 'step')}", "bold")
    line += screen.shown(f": {_tally(state.steps)}; {len(hands):,} by hand; ")
    yield line + screen.shown(f"{len(final):,} cannot be undone", "red" if final else "")
    for each in [*state.at(Progress.WAITING), *state.at(Progress.FAILED)][:FEW]:
        word = "WAITS FOR" if each.progress is Progress.WAITING else "FAILED IN"
        yield screen.shown(f"{word} {each.step.target.system}: step {each.number}, {each.note}", "bold red")


def show_boxes(boxes: Sequence[Box]) -> None:
    """The boxes of the gate, what is missing in red."""
    listed = screen.table("", "box", "", "")
    for box in boxes:
        mark, style = ("yes", "green") if box.good else ("waived", "cyan") if box.waived else ("NO", "bold red")
        says = box.says + (f" ({box.waived})" if box.waived else "")
        listed.add_row(
            screen.shown(mark, style), screen.shown(box.name, "bold"), screen.shown(box.title), screen.shown(says)
        )
    screen.say(listed)


def as_json(state: PlanState, rule: Rule) -> dict[str, Any]:
    """How a plan stands, for scripts."""
    plan = {name: value for name, value in plan_as_json(state.plan).items() if name != "steps"}
    steps = [{**step_as_json(each.step), **_standing(each)} for each in state.steps]
    approvals = [
        {"tactic": each.tactic.value, "by": str(each.by), "time": each.time, "entry": str(each.entry)}
        for each in state.approvals
    ]
    return {
        "digest": state.digest,
        "words": words_of(state.digest),
        "state": state.called,
        **plan,
        "approvals": approvals,
        "overrides": list(map(str, state.overrides)),
        "next": [command for _, command in next_of(state, rule, time.time())],
        "steps": steps,
    }


def _standing(each: StepState) -> dict[str, object]:
    return {
        "number": each.number,
        "progress": each.progress.value,
        "held": each.held,
        "waived": each.waived,
        "note": each.note,
        "by": None if each.by is None else str(each.by),
        "time": each.time,
        "entries": list(map(str, each.entries)),
    }


def boxes_as_json(boxes: Sequence[Box]) -> list[dict[str, object]]:
    """The boxes of the gate, for scripts."""
    return [
        {"box": box.name, "title": box.title, "good": box.good, "says": box.says, "waived": box.waived} for box in boxes
    ]
