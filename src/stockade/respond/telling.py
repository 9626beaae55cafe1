"""An incident told as a report: each sentence under the function of NIST CSF 2.0 that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from stockade.events import Entry
from stockade.respond.doings import doings
from stockade.respond.incident import Incident, Remark
from stockade.respond.report import Function, Report, Section, Sentence, named, sections
from stockade.respond.sheet import done_in, meaning, state_of
from stockade.respond.standing import PlanState, Progress, StepState
from stockade.respond.written import moment
from stockade.steps import Tactic

EVIDENCE: Final = 500
"""Entries that a report shows at most."""

Told = Iterator[tuple[Function, Sentence]]


def report(
    incident: Incident,
    plans: Sequence[PlanState],
    seen: Sequence[Entry],
    find: Callable[[str], Entry | None],
    *,
    head: str,
    now: float,
) -> Report:
    """The report as of ``now``. ``seen`` is what the log has about the subjects in the window, in the order of time;
    ``find`` gives the entry of a name; ``head`` says which log this was read from.
    """
    parts = sections(_told(incident, plans, seen))
    summary = tuple(_summary(incident, plans))
    evidence, left_out = _evidence(summary, parts, find)
    return Report(
        title=f"{incident.title} ({incident.name})",
        facts=tuple(_facts(incident, plans, now)),
        summary=summary,
        sections=parts,
        evidence=evidence,
        left_out=left_out,
        head=head,
    )


def _facts(incident: Incident, plans: Sequence[PlanState], now: float) -> Iterator[tuple[str, str]]:
    yield "About", ", ".join(map(str, incident.subjects)) or "nobody named yet"
    yield "Severity", incident.severity
    yield "State", state_of(incident, plans)
    yield "Opened", f"{moment(incident.opened)} UTC by {incident.opened_by}"
    if incident.closed is not None:
        yield "Closed", f"{moment(incident.closed)} UTC"
    yield "Window", " to ".join(f"{moment(at)} UTC" if at else "not known" for at in (incident.since, incident.until))
    yield "On it", "; ".join(f"{person}: {role}" for person, role in incident.people.items())
    yield "As of", f"{moment(now)} UTC"


def _summary(incident: Incident, plans: Sequence[PlanState]) -> Iterator[Sentence]:
    yield Sentence(f"The incident was opened by {incident.opened_by}.", (incident.entry,))
    if (shut := contained(plans)) is not None:
        time, entry = shut
        what = "machine" if any(each.kind == "machine" for each in incident.subjects) else "account"
        yield Sentence(f"The {what} was shut {_span(time - incident.opened)} after that.", (str(entry),))
    if incident.outcome:
        yield Sentence(incident.outcome, tuple(_closing(incident)))


def contained(plans: Sequence[PlanState]) -> tuple[float, Entry] | None:
    """When the first step that isolates was done, and the entry that says so."""
    done = [
        (step.time, step.entries[-1])
        for plan in plans
        for step in plan.at(Progress.DONE, Progress.UNDONE)
        if step.step.tactic is Tactic.ISOLATE and step.time is not None and step.entries
    ]
    return min(done, key=lambda each: each[0], default=None)


def _closing(incident: Incident) -> Iterator[str]:
    return (str(entry) for entry in incident.entries if entry.event.action == "incident.close")


def _told(incident: Incident, plans: Sequence[PlanState], seen: Sequence[Entry]) -> Told:
    yield from _detected(incident)
    yield from _identified(incident, seen)
    for plan in plans:
        yield from _acted(plan)
        yield from _governed(plan)
    yield from ((Function.GOVERN, Sentence(f"{d.by} decided: {d.text}", (d.entry,))) for d in incident.decisions)
    yield from _to_improve(incident, plans)


def _detected(incident: Incident) -> Told:
    for finding in incident.findings:
        attack = f", ATT&CK {', '.join(finding.techniques)}" if finding.techniques else ""
        text = f"{moment(finding.time)}: {finding.title} ({finding.severity}, rule {finding.rule}{attack})."
        yield Function.DETECT, Sentence(text, (finding.entry, *finding.entries))
    if not incident.findings:
        yield Function.DETECT, Sentence(f"{incident.opened_by} suspected it; no finding led to it.", (incident.entry,))


def _identified(incident: Incident, seen: Sequence[Entry]) -> Told:
    for note in incident.said(Remark.KNOWN):
        yield Function.IDENTIFY, Sentence(f"{note.text} ({note.by})", (note.entry,))
    for subject in incident.subjects:
        yield from ((Function.IDENTIFY, sentence) for sentence in doings(subject, seen))
    for note in incident.said(Remark.NOTE):
        yield Function.IDENTIFY, Sentence(f"{note.text} ({note.by})", (note.entry,))


_UNDER: Final = {
    Tactic.PRESERVE: Function.RESPOND,
    Tactic.ISOLATE: Function.RESPOND,
    Tactic.EVICT: Function.RESPOND,
    Tactic.RESTORE: Function.RECOVER,
    Tactic.HARDEN: Function.PROTECT,
    Tactic.DETECT: Function.PROTECT,
}
"""The function that a tactic belongs to."""


def _acted(plan: PlanState) -> Told:
    for tactic, function in _UNDER.items():
        yield from ((function, sentence) for sentence in done_in(plan, tactic))
    verified = [step for step in plan.steps if step.held]
    if verified:
        text = f"{_counted(verified)} looked up again afterwards and found to hold (plan {plan.digest[:8]})."
        yield Function.RESPOND, Sentence(text, tuple(dict.fromkeys(str(step.entries[-1]) for step in verified)))


def _governed(plan: PlanState) -> Told:
    drawn = plan.told.event
    who = drawn.actor.id if drawn.actor is not None else "nobody known"
    text = f"Plan {plan.digest[:8]} ({plan.plan.playbook}, {len(plan.steps)} steps) was drawn by {who}."
    yield Function.GOVERN, Sentence(text, (str(plan.told),))
    for approval in plan.approvals:
        text = f"{approval.by.id} approved its steps that {approval.tactic.value}."
        yield Function.GOVERN, Sentence(text, (str(approval.entry),))
    for entry in plan.entries:
        if entry.event.action in {"gate.override", "gate.waive", "plan.refuse", "plan.expire"}:
            by = f" ({entry.event.actor.id})" if entry.event.actor is not None else ""
            yield Function.GOVERN, Sentence(f"{meaning(entry.event.action)}{by}.", (str(entry),))


def _to_improve(incident: Incident, plans: Sequence[PlanState]) -> Told:
    for note in incident.said(Remark.UNKNOWN):
        yield Function.IMPROVE, Sentence(f"Not known: {note.text} ({note.by})", (note.entry,))
    for plan in plans:
        for step in plan.steps:
            if (left := _left(step)) and not plan.undone:
                yield Function.IMPROVE, Sentence(left, tuple(map(str, step.entries[-1:])))


def _left(step: StepState) -> str:
    """Why a step is not done, in a sentence; empty when it is."""
    what = f"{meaning(step.step.verb)} ({step.step.target.id})"
    if step.waived:
        return f"{what}: waived, {step.waived}."
    if step.progress is Progress.FAILED:
        return f"{what}: refused, {step.note}."
    if step.progress in {Progress.PENDING, Progress.STARTED, Progress.WAITING}:
        return f"{what}: not done{' by hand yet' if step.step.by_hand else ''}."
    return f"{what}: done, and found not to hold." if step.held is False else ""


def _evidence(
    summary: Sequence[Sentence], parts: Sequence[Section], find: Callable[[str], Entry | None]
) -> tuple[tuple[Entry, ...], int]:
    names = named(summary, parts)
    found = [entry for name in names[:EVIDENCE] if (entry := find(name)) is not None]
    return tuple(sorted(found, key=lambda entry: entry.index)), len(names) - len(found)


def _counted(steps: Sequence[StepState]) -> str:
    return "1 step was" if len(steps) == 1 else f"{len(steps)} steps were"


def _span(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
