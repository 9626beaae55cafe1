"""Class by class, the suspicious first; and what no source has recorded is never called "nothing found"."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stockade.actions import Behaviour
from stockade.detect.detector import Rules
from stockade.detect.pack import own_pack
from stockade.events import Entry, Event, Ref
from stockade.review.accounts import Account
from stockade.review.reviewing import MOST_LINES, Review, Reviewing, Section
from stockade.review.sources import RECORDS, WITHOUT_AUDIT, missing
from tests.detect.entries import HOME, NEW, entries, event

DAY = 86_400.0
WEEK = [event("authentication.success", at=n * DAY, source=HOME) for n in range(7)]
TAKEOVER = [
    event("authentication.success", at=8 * DAY, source=NEW),
    event("factor.remove", at=8 * DAY + 60, target="alice", source=NEW),
    event("token.create", at=8 * DAY + 120, target="gitlab:token/9", source=NEW),
]
OTHERS = [
    event("authentication.success", "bob", at=3 * DAY, source=HOME),
    event("webhook.add", "bob", at=4 * DAY, target="gitlab:webhook/1"),
]
SSHD = event("authentication.failure", "host:user/alice", at=5 * DAY, source=NEW, outcome="failure")


def reviewed(events: Iterable[Event], account: str = "") -> Review:
    return reviewed_entries(entries(sorted(events, key=lambda each: each.time)), account)


def reviewed_entries(given: Iterable[Entry], account: str = "") -> Review:
    asked = Account(account) if account else None
    held, rules = list(given), Rules(own_pack())
    for entry in held if asked else []:
        asked.learn(entry.event)  # type: ignore[union-attr]
    reviewing, findings = Reviewing(asked), []
    for entry in held:
        findings += rules.feed(entry)
        reviewing.take(entry)
    return reviewing.done(findings)


def section(review: Review, behaviour: Behaviour) -> Section:
    return next(each for each in review.sections if each.behaviour is behaviour)


def test_suspicious_classes_come_first_and_their_suspicious_lines_too() -> None:
    review = reviewed([*WEEK, *TAKEOVER, *OTHERS], "alice")
    assert [each.standing for each in review.sections][:3] == ["suspicious"] * 3
    assert {each.behaviour for each in review.sections[:3]} == {Behaviour.SIGN_IN, Behaviour.FACTOR, Behaviour.TOKEN}
    sign_ins = section(review, Behaviour.SIGN_IN)
    assert sign_ins.lines[0].entry.event.source == NEW
    assert "story_takeover" in {finding.rule for finding in sign_ins.lines[0].findings}
    assert [line.entry.event.source for line in sign_ins.lines[1:]] == [HOME] * 7
    assert (sign_ins.count, review.concerned) == (8, 10)
    assert not any("bob" in str(line.entry.event.actor) for each in review.sections for line in each.lines)


def test_what_outlives_a_block_is_counted() -> None:
    assert reviewed([*TAKEOVER, *OTHERS], "alice").lasting == {"token.create": 1}
    assert reviewed([*TAKEOVER, *OTHERS]).lasting == {"token.create": 1, "webhook.add": 1}


def test_nothing_found_is_said_of_those_who_record_it_and_only_of_them() -> None:
    review = reviewed([*WEEK, *OTHERS, SSHD], "alice")
    keys = section(review, Behaviour.KEY)
    assert keys.standing == "nothing"
    assert [(covered.system, covered.entries) for covered in keys.recording] == [("gitlab", 9)]
    assert keys.unrecorded == ["host"]
    assert any("SSH key" in remark for remark in keys.remarks)


def test_a_class_that_no_source_records_is_not_recorded_rather_than_empty() -> None:
    review = reviewed([SSHD], "alice")
    assert section(review, Behaviour.SIGN_IN).standing == "seen"
    assert {each.standing for each in review.sections if each.behaviour is not Behaviour.SIGN_IN} == {"not recorded"}


def test_a_system_of_which_only_the_other_logs_were_taken_in_records_no_audit_events() -> None:
    review = reviewed(WEEK, "alice")
    tokens = section(review, Behaviour.TOKEN)
    assert tokens.standing == "not recorded"
    assert tokens.unrecorded == ["gitlab (no audit event of it is in this log)"]
    assert section(reviewed([*WEEK, *OTHERS], "alice"), Behaviour.TOKEN).standing == "nothing"


def test_what_a_stranger_records_is_not_known() -> None:
    review = reviewed([*WEEK, *OTHERS, event("message", "gopher:user/alice")], "alice")
    keys = section(review, Behaviour.KEY)
    assert (keys.standing, keys.unknown) == ("nothing", ["gopher"])


@pytest.mark.parametrize(
    ("asked", "concerned"),
    [
        ("alice", 3),
        ("ALICE", 3),
        ("gitlab:user/alice", 2),
        ("host:user/alice", 1),
        ("gitlab:user/7", 2),
        ("7", 2),
        ("mallory", 0),
    ],
)
def test_an_account_is_found_by_its_name_in_every_system_and_by_its_number(asked: str, concerned: int) -> None:
    events = [
        event("key.add", "gitlab:user/7", target="gitlab:key/1"),
        event("authentication.success", "alice", at=60, user_id=7),
        SSHD,
    ]
    assert reviewed(events, asked).concerned == concerned


def test_a_name_that_only_the_details_have_is_found() -> None:
    tried = event("authentication.failure", None, source=NEW, outcome="failure", username="Alice")
    assert reviewed([tried], "alice").concerned == 1


def test_what_somebody_else_has_put_into_an_accounts_hands_is_found() -> None:
    given = event("key.add", "unix:user/root", target="stockade:key/1", holder="alice")
    others = event("key.add", "unix:user/root", target="stockade:key/2", holder="bob")
    review = reviewed([given, others], "alice")
    assert [line.entry.event.target for line in section(review, Behaviour.KEY).lines] == [given.target]
    assert review.lasting == {"key.add": 1}


def test_everybody_is_ranked_by_what_was_found() -> None:
    review = reviewed([*WEEK, *TAKEOVER, *OTHERS])
    assert [(str(seen.ref), seen.worst) for seen in review.accounts] == [
        ("gitlab:user/alice", "critical"),
        ("gitlab:user/bob", "low"),
    ]


def test_a_log_with_holes_is_not_called_complete() -> None:
    assert reviewed(WEEK).completeness.complete
    held = entries(WEEK)
    lost = reviewed_entries([*held[:3], *held[5:]]).completeness
    assert (lost.complete, lost.missing) == (False, 2)
    gap = reviewed([*WEEK, event("log.gap", None, at=DAY, count=4)]).completeness
    assert (gap.complete, len(gap.holes)) == (False, 1)


def test_long_logs_keep_the_latest_lines_and_count_the_others() -> None:
    many = [event("repository.write", at=float(n), target="gitlab:project/app") for n in range(MOST_LINES + 500)]
    writes = section(reviewed(many, "alice"), Behaviour.REPOSITORY)
    assert (writes.count, len(writes.lines)) == (MOST_LINES + 500, MOST_LINES)
    assert writes.lines[0].entry.index == MOST_LINES + 499


def test_an_empty_log_is_reviewed() -> None:
    review = reviewed([], "alice")
    assert (review.concerned, review.completeness.entries, review.findings) == (0, 0, [])


def test_the_table_of_sources_speaks_of_classes_that_are_there() -> None:
    assert all(
        missing(system, behaviour) == said for system, held in RECORDS.items() for behaviour, said in held.items()
    )
    assert all(held <= RECORDS[system].keys() for system, held in WITHOUT_AUDIT.items())
    assert Ref("gitlab", "user", "x").system in RECORDS
