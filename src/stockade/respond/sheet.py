"""The situation sheet: what is known, what is not, what is done, what comes next, and who is on it; one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stockade.actions import BEHAVIOUR_OF, VOCABULARY
from stockade.events import Entry, Severity
from stockade.respond.approvals import Rule
from stockade.respond.doings import doings
from stockade.respond.incident import Incident, Remark
from stockade.respond.next import next_of
from stockade.respond.report import Sentence
from stockade.respond.standing import PlanState, Progress, StepState
from stockade.respond.written import moment
from stockade.steps import Tactic


@dataclass(frozen=True, slots=True)
class Next:
    """What to do next, and what to type for it; nothing to type where no command does it."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page for whoever comes in next. Every line of what is known and done names the entries that show it."""

    name: str
    title: str
    severity: Severity
    state: str
    opened: float
    people: tuple[tuple[str, str], ...]
    known: tuple[Sentence, ...]
    unknown: tuple[Sentence, ...]
    done: tuple[Sentence, ...]
    next: tuple[Next, ...]


def sheet(incident: Incident, plans: Sequence[PlanState], rule: Rule, now: float, seen: Sequence[Entry] = ()) -> Sheet:
    """The page as it stands at ``now``; ``plans`` are those of this incident, in the order in which they were drawn,
    and ``seen`` is what the log has about its subjects in the window.
    """
    locks = list(_locks(incident, plans, seen))
    held, lapsed = [each for each in locks if _end(each) > now], [each for each in locks if _end(each) <= now]
    return Sheet(
        name=incident.name,
        title=incident.title,
        severity=incident.severity,
        state=_state(incident, plans, held),
        opened=incident.opened,
        people=tuple(incident.people.items()),
        known=tuple(_known(incident, plans, seen)),
        unknown=tuple(_unknown(incident, plans)),
        done=(*map(_held, held), *_done(incident, plans)),
        next=(*map(_lapsed, lapsed), *_next(incident, plans, rule, now)),
    )


# ── locks, which lapse by themselves ─────────────────────────────────────────────────────────────


def _locks(incident: Incident, plans: Sequence[PlanState], seen: Sequence[Entry]) -> Iterator[Entry]:
    """The latest lock of each subject that nobody has opened, and that no plan has followed by a block."""
    last = {each.event.target: each for each in seen if each.event.action in {"user.lock", "user.unlock"}}
    blocked = {step.step.target for plan in plans for step in plan.at(Progress.DONE) if step.step.verb == "user.block"}
    for subject in incident.subjects:
        entry = last.get(subject)
        if entry is not None and entry.event.action == "user.lock" and subject not in blocked:
            yield entry


def _end(lock: Entry) -> float:
    until = lock.event.details.get("until")
    return float(until) if isinstance(until, (int, float)) else lock.event.time


def _held(lock: Entry) -> Sentence:
    event = lock.event
    whose, by = event.target.id if event.target else "", f", by {event.actor.id}" if event.actor else ""
    text = f"{whose} is locked out everywhere{by}; that ends by itself at {moment(_end(lock))} UTC."
    return Sentence(text, (str(lock),))


def _lapsed(lock: Entry) -> Next:
    whose = lock.event.target.id if lock.event.target else ""
    return Next(f"{whose} is let in again since {moment(_end(lock))} UTC: the lock has lapsed",
                f"stockade lock {whose} --for 2h")  # fmt: skip


def _state(incident: Incident, plans: Sequence[PlanState], held: Sequence[Entry]) -> str:
    found = state_of(incident, plans)
    return "locked, nothing else done yet" if held and found == NOTHING else found


# ── how it stands ────────────────────────────────────────────────────────────────────────────────


def state_of(incident: Incident, plans: Sequence[PlanState]) -> str:
    """How the incident stands, in a word or three: what the plan that is furthest behind says, until it is closed."""
    if incident.closed is not None:
        return "closed"
    begun = [plan for plan in plans if plan.begun and not plan.undone]
    return min((plan.called for plan in begun), key=_WORST.index, default=NOTHING)


NOTHING = "open, nothing done yet"
_WORST = ("waiting", "begun", "contained, unverified", "contained", "over")


def _known(incident: Incident, plans: Sequence[PlanState], seen: Sequence[Entry]) -> Iterator[Sentence]:
    for finding in incident.findings:
        yield Sentence(f"{finding.title} ({finding.severity}, rule {finding.rule}).", (finding.entry, *finding.entries))
    for note in incident.said(Remark.KNOWN):
        yield Sentence(f"{note.text} ({note.by})", (note.entry,))
    for plan in plans:
        verified = [step for step in plan.steps if step.held]
        if verified:
            text = f"{len(verified)} steps of plan {plan.digest[:8]} were looked up again and hold."
            yield Sentence(text, _looks(verified))
    for subject in incident.subjects:
        yield from doings(subject, seen)


def _unknown(incident: Incident, plans: Sequence[PlanState]) -> Iterator[Sentence]:
    for note in incident.said(Remark.UNKNOWN):
        yield Sentence(f"{note.text} ({note.by})", (note.entry,))
    if incident.since is None:
        yield Sentence("Since when the account may have been in strange hands.")
    for plan in plans:
        unverified = [step for step in plan.at(Progress.DONE) if not step.held and not step.step.by_hand]
        if unverified:
            yield Sentence(f"Whether {_steps(unverified)} took effect: nobody has looked again.", _entries(unverified))
        failed = plan.at(Progress.FAILED)
        if failed:
            yield Sentence(f"What follows of {_steps(failed)}: refused ({failed[0].note}).", _entries(failed))


def _done(incident: Incident, plans: Sequence[PlanState]) -> Iterator[Sentence]:
    for decision in incident.decisions:
        yield Sentence(f"{decision.by} decided: {decision.text}", (decision.entry,))
    for plan in plans:
        yield from done_in(plan)


def done_in(plan: PlanState, *tactics: Tactic) -> Iterator[Sentence]:
    """What a plan has done, what alike together; only for these tactics, where some are named."""
    wanted = tactics or tuple(Tactic)
    alike: dict[tuple[Tactic, str, str], list[StepState]] = {}
    for step in plan.at(Progress.DONE, Progress.UNDONE):
        if step.step.tactic in wanted:
            undone = "undone" if step.progress is Progress.UNDONE else "done"
            alike.setdefault((step.step.tactic, step.step.verb, undone), []).append(step)
    for (tactic, verb, how), steps in alike.items():
        back = " and taken back again" if how == "undone" else ""
        whose = steps[0].step.target.id if len(steps) == 1 else f"{len(steps)} of them"
        who = f", by {steps[0].by.id}" if steps[0].by is not None else ""
        yield Sentence(f"{meaning(verb)} ({whose}){back}{who}; {tactic.value}.", _entries(steps))


def meaning(verb: str) -> str:
    """A verb as the vocabulary explains it, with a capital; the verb itself where it has no words."""
    said = VOCABULARY.get(BEHAVIOUR_OF[verb], {}).get(verb, verb) if verb in BEHAVIOUR_OF else verb
    return said[0].upper() + said[1:]


def _next(incident: Incident, plans: Sequence[PlanState], rule: Rule, now: float) -> Iterator[Next]:
    if incident.closed is not None:
        yield Next("hand out the report", f"stockade incident report {incident.name} --pdf report.pdf")
        return
    if all(plan.refused is not None or plan.undone for plan in plans):
        for subject in incident.subjects[:4]:
            yield Next(f"see what to do about {subject.id}; it changes nothing", f"stockade plan account {subject.id}")
    for plan in plans:
        yield from (Next(text, command) for text, command in next_of(plan, rule, now))
    for note in incident.said(Remark.UNKNOWN):
        yield Next(f"find out: {note.text}")


def _steps(steps: Sequence[StepState]) -> str:
    return "1 step" if len(steps) == 1 else f"{len(steps)} steps"


def _entries(steps: Sequence[StepState]) -> tuple[str, ...]:
    """The entries that say how these steps ended, each once."""
    return tuple(dict.fromkeys(str(entry) for step in steps for entry in _ending(step)))


def _ending(step: StepState) -> list[Entry]:
    return [entry for entry in step.entries if entry.event.action != "step.verify"][-1:]


def _looks(steps: Sequence[StepState]) -> tuple[str, ...]:
    """The entries of the looks at these steps that came last."""
    return tuple(dict.fromkeys(str(step.entries[-1]) for step in steps if step.entries))
