"""The situation sheet and the report: what the log tells of an incident, on a page and at length."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stockade.events import Entry, Event, Finding, Ref
from stockade.respond.approvals import Rule
from stockade.respond.incident import Incident, incidents, opening, suspicion_of, widening
from stockade.respond.plan import Plan, events_of
from stockade.respond.report import Function, Report
from stockade.respond.sheet import Sheet, sheet
from stockade.respond.standing import PlanState, standings
from stockade.respond.telling import EVIDENCE, report
from stockade.respond.written import markdown, typst
from stockade.steps import Step, Tactic

NOW = 1_800_000_000.0
NAME = "2027-01-15-alice"
ALICE, ROOT, TOKEN = Ref("stockade", "user", "alice"), Ref("unix", "user", "root"), Ref("stockade", "token", "7")
STEPS = (
    Step("user.block", ALICE, Tactic.ISOLATE, "…", undo=Step("user.unblock", ALICE, Tactic.RESTORE, "…")),
    Step("token.revoke", TOKEN, Tactic.EVICT, "…"),
    Step("variable.rotate", Ref("stockade", "variable", "3"), Tactic.RESTORE, "…", by_hand=True),
    Step("factor.require", ALICE, Tactic.HARDEN, "…"),
)
PLAN = Plan(NAME, "account", ALICE, STEPS, NOW + 10, NOW + 3610)
DIGEST = PLAN.digest()


class Story:
    """A log that grows event by event, and what it tells by then."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.add(opening(NOW, ROOT, NAME, "Alice's token was stolen", subjects=[ALICE], since=NOW - 900))

    def add(self, *events: Event) -> Story:
        self.entries += [Entry(n, e.time, e, "h/s") for n, e in enumerate(events, len(self.entries))]
        return self

    def say(self, action: str, after: float = 60, **details: object) -> Story:
        named = {"incident": NAME, **details}
        return self.add(Event(NOW + after, action, ROOT, ALICE, details=named))

    def plan(self) -> Story:
        return self.add(*events_of(PLAN, ROOT))

    def step(self, action: str, *numbers: int, after: float = 90, **details: object) -> Story:
        return self.say(action, after, plan=DIGEST, steps=list(numbers), **details)

    @property
    def incident(self) -> Incident:
        return incidents(self.entries)[NAME]

    @property
    def plans(self) -> list[PlanState]:
        return list(standings(self.incident.entries).values())

    def sheet(self, after: float = 100, seen: Sequence[Entry] = ()) -> Sheet:
        return sheet(self.incident, self.plans, Rule(), NOW + after, seen)

    def report(self, seen: Sequence[Entry] = ()) -> Report:
        by_name = {str(entry): entry for entry in self.entries}
        return report(self.incident, self.plans, seen, by_name.get, head="Read from h/s.", now=NOW + 100)


def commands(page: Sheet) -> list[str]:
    return [each.command for each in page.next if each.command]


def run(story: Story) -> Story:
    story.plan()
    for tactic in ("isolate", "evict", "restore", "harden"):
        story.say("plan.approve", plan=DIGEST, tactic=tactic)
    for number in (1, 2, 4):
        story.step("step.start", number).step("step.finish", number)
    return story


def test_at_first_the_next_thing_is_a_plan() -> None:
    page = Story().sheet()
    assert (page.state, page.known, page.done) == ("open, nothing done yet", (), ())
    assert commands(page) == ["stockade plan account alice"]


def test_what_an_account_did_is_known_from_the_first_moment() -> None:
    made = [Event(NOW - at, "token.create", ALICE, TOKEN) for at in (50, 40)]
    story = Story().add(*made, Event(NOW - 30, "key.add", ROOT, TOKEN))
    page = story.sheet(seen=story.entries[1:])
    assert [each.text for each in page.known] == ["alice acted 2 times on tokens in the window: token.create."]
    assert page.known[0].entries == ("h/s#1", "h/s#2")


def test_a_plan_is_approved_and_then_run() -> None:
    story = Story().plan()
    assert commands(story.sheet()) == [f"stockade approve {DIGEST[:12]}"]
    for tactic in ("isolate", "evict", "restore", "harden"):
        story.say("plan.approve", plan=DIGEST, tactic=tactic)
    assert commands(story.sheet()) == [f"stockade run {DIGEST[:12]}"]


def test_a_plan_that_has_expired_is_drawn_again() -> None:
    assert commands(Story().plan().sheet(after=4000)) == ["stockade plan account alice"]


def test_after_the_run_it_is_contained_and_not_verified() -> None:
    page = run(Story()).sheet()
    assert page.state == "contained, unverified"
    assert commands(page)[:2] == [f"stockade done {DIGEST[:12]} 3", f"stockade verify {DIGEST[:12]}"]
    assert [each.text for each in page.unknown] == ["Whether 3 steps took effect: nobody has looked again."]
    assert len(page.done) == 3


def test_verified_it_is_contained_and_the_gate_is_next() -> None:
    story = run(Story()).step("step.verify", 1, 2, 4, held=True)
    assert story.sheet().state == "contained"
    assert "3 steps of plan" in story.sheet().known[0].text
    assert "stockade unblock alice" not in commands(story.sheet())
    story.step("step.finish", 3)
    assert commands(story.sheet())[0] == "stockade unblock alice"


def test_a_system_that_is_down_leaves_it_waiting() -> None:
    story = Story().plan().say("plan.approve", plan=DIGEST, tactic="isolate")
    page = story.step("step.start", 1).step("step.wait", 1, notes={"1": "gitlab is down"}).sheet()
    assert page.state == "waiting"
    assert f"stockade resume {DIGEST[:12]}" in commands(page)


def test_what_a_person_does_not_know_is_something_to_find_out() -> None:
    page = Story().say("incident.note", text="who read PROD_KEY", kind="unknown").sheet()
    assert page.unknown[0].text == "who read PROD_KEY (root)"
    assert page.next[-1].text == "find out: who read PROD_KEY"


def test_closed_there_is_only_the_report() -> None:
    page = run(Story()).say("incident.close", outcome="nothing was read").sheet()
    assert (page.state, commands(page)) == ("closed", [f"stockade incident report {NAME} --pdf report.pdf"])


def test_every_sentence_of_a_report_but_what_is_left_names_entries_of_the_log() -> None:
    finding = Finding(NOW - 5, "stk.token.far", "A token from afar", "critical", ALICE, (), techniques=("T1078",))
    story = Story()
    story.add(finding.as_event())
    seen = suspicion_of(story.entries[-1])
    assert seen is not None
    story.say(
        "incident.note", text="seen by the detector", kind="known", findings=widening(findings=[seen])["findings"]
    )
    run(story).say("incident.decide", text="block her").say("incident.close", outcome="nothing was read")
    mine = Entry(99, NOW, Event(NOW - 60, "token.create", ALICE, TOKEN, "203.0.113.9"), "h/s")
    told = story.report([mine])
    assert [section.function for section in told.sections] == [
        Function.DETECT,
        Function.IDENTIFY,
        Function.RESPOND,
        Function.PROTECT,
        Function.GOVERN,
        Function.IMPROVE,
    ]
    unnamed = [each.text for section in told.sections for each in section.sentences if not each.entries]
    assert len(unnamed) == 1
    assert unnamed[0].endswith("(3): not done by hand yet.")
    assert {str(entry) for entry in told.evidence} <= {str(entry) for entry in story.entries}
    assert told.left_out == 1  # h/s#99 is not in this log
    assert "shut 1 min 30 s after that" in told.summary[1].text


def test_a_report_shows_as_many_entries_as_can_be_read() -> None:
    story = Story()
    for number in range(EVIDENCE + 50):
        story.say("incident.note", text=f"note {number}", kind="known")
    told = story.report()
    assert (len(told.evidence), told.left_out) == (EVIDENCE, 51)
    assert "51 more entries are named above and not shown here." in markdown(told)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "| a | b |\n# Title", "[x](http://evil)", "\x1b[2J\u202e"]
)
def test_what_strangers_write_stays_text_in_markdown(text: str) -> None:
    written = markdown(Story().say("incident.note", text=text, kind="known").report())
    assert "<script" not in written
    assert "\n# Title" not in written
    assert "[x](http" not in written
    assert "\x1b" not in written
    assert "\u202e" not in written


@pytest.mark.parametrize("text", ['"); panic("x', "#panic()", "\\", "$x$ *b* _i_ <e1> @e1", "\x00\x1b"])
def test_what_strangers_write_stays_text_in_a_pdf(text: str) -> None:
    from stockade.app.respond.printing import printed

    told = Story().say("incident.note", text=text, kind="known").report()
    assert printed(told).startswith(b"%PDF-")
    assert "panic" not in typst(told).replace('\\"); panic(\\"', "").replace('"#panic()', "")


def test_a_lock_and_its_end_are_on_the_page_for_it_lapses_by_itself() -> None:
    lock = Event(NOW + 10, "user.lock", ROOT, ALICE, details={"until": NOW + 7200})
    story = Story().add(lock)
    page = story.sheet(seen=story.entries)
    assert page.state == "locked, nothing else done yet"
    assert [(each.text, each.entries) for each in page.done] == [
        ("alice is locked out everywhere, by root; that ends by itself at 2027-01-15 10:00:00 UTC.", ("h/s#1",))
    ]
    late = story.sheet(after=7300, seen=story.entries)
    assert late.state == "open, nothing done yet"
    assert (late.next[0].text, late.next[0].command) == (
        "alice is let in again since 2027-01-15 10:00:00 UTC: the lock has lapsed", "stockade lock alice --for 2h",
    )  # fmt: skip
    story.add(Event(NOW + 20, "user.unlock", ROOT, ALICE))
    assert story.sheet(seen=story.entries).done == ()
    run(story.add(lock))
    assert "stockade lock alice --for 2h" not in commands(story.sheet(after=7300, seen=story.entries))
