"""That something did not happen can be stated, signed, checked, and not be stated when it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.audit.absence import Absence, signed_absence
from stockade.audit.absent import absence, look_again, size_at
from stockade.audit.checkpoint import Checkpoint
from stockade.audit.merkle import EMPTY_ROOT
from stockade.audit.signer import Signer
from stockade.errors import ConfigurationError, Refused, Tampered
from tests.audit.conftest import NOW, Stage, event
from tests.cli.terminal import Terminal


@pytest.fixture
def log(stage: Stage) -> Stage:
    """Five tokens at entries 1 to 5, an unban at 6, and five more from 7 on."""
    with stage.open() as log:
        for number in (1, 2, 3, 4, 5):
            log.append(event(number))
        log.append(event(6, "guard.unban"))
        for number in (7, 8, 9, 10, 11):
            log.append(event(number))
    return stage


def test_what_is_absent_is_stated_and_the_statement_is_checked(log: Stage) -> None:
    for action, start, end in (("guard.ban", 0, None), ("guard.*", 7, 12), ("guard.unban", 0, 6), ("x", 3, 3)):
        statement = absence(log.path, action, start, end, log.keys)
        signed = Signer(log.state).state_absence(statement, NOW)
        assert signed_absence(signed, log.keys) == statement
        look_again(log.path, statement, log.keys)


@pytest.mark.parametrize(("action", "start", "end"), [("guard.unban", 0, None), ("guard.*", 6, 7), ("*", 0, 1)])
def test_what_is_there_is_not_denied_and_is_named(log: Stage, action: str, start: int, end: int | None) -> None:
    with pytest.raises(Refused, match=r"such an event is there: entry \d+ is"):
        absence(log.path, action, start, end, log.keys)


def test_nothing_is_stated_about_a_log_that_was_changed(log: Stage) -> None:
    lines = log.lines()
    log.rewrite([line.replace(b"guard.unban", b"guard.track") for line in lines])
    with pytest.raises(Tampered, match="entry 6 was changed"):
        absence(log.path, "guard.unban", 0, None, log.keys)


def test_a_statement_is_held_against_the_log_it_speaks_of(log: Stage) -> None:
    lie = Absence(
        "guard.unban", *(absence(log.path, "x", 0, 12, log.keys).start, absence(log.path, "x", 0, 12, log.keys).end)
    )
    signed = Signer(log.state).state_absence(lie, NOW)
    with pytest.raises(Refused, match="entry 6"):
        look_again(log.path, signed_absence(signed, log.keys), log.keys)
    other = Absence("x", Checkpoint(lie.end.origin, 0, EMPTY_ROOT), Checkpoint(lie.end.origin, 12, bytes(32)))
    with pytest.raises(Tampered, match="another log"):
        look_again(log.path, other, log.keys)


def test_a_statement_that_was_changed_or_that_nobody_has_signed_is_refused(log: Stage, tmp_path: Path) -> None:
    statement = absence(log.path, "guard.ban", 0, None, log.keys)
    signed = Signer(log.state).state_absence(statement, NOW)
    with pytest.raises(Tampered):
        signed_absence(signed.replace(b"guard.ban", b"guard.unban"), log.keys)
    stranger = Signer.create(tmp_path / "stranger", statement.end.origin)
    with pytest.raises(Tampered, match="not signed with a key"):
        signed_absence(stranger.state_absence(statement, NOW), log.keys)
    elsewhere = Absence("x", *(Checkpoint("elsewhere", 0, EMPTY_ROOT),) * 2)
    with pytest.raises(Tampered, match="asked to speak about elsewhere"):
        Signer(log.state).state_absence(elsewhere, NOW)
    with pytest.raises(Tampered):
        Signer(log.state).state_absence(Absence("x\nafter\ny", statement.start, statement.end), NOW)


def test_no_head_can_be_taken_for_a_statement_nor_the_other_way_round(log: Stage) -> None:
    statement = absence(log.path, "guard.ban", 0, None, log.keys)
    with pytest.raises(Tampered):
        Checkpoint.parse(statement.text)
    with pytest.raises(Tampered):
        signed_absence((log.path / "checkpoint").read_bytes(), log.keys)


def test_a_range_that_is_not_signed_and_a_point_that_is_none_are_mistakes(log: Stage) -> None:
    for start, end in ((0, 99), (5, 4)):
        with pytest.raises(ConfigurationError, match="not all signed"):
            absence(log.path, "x", start, end, log.keys)
    with pytest.raises(ConfigurationError, match="not a point in the log"):
        size_at(log.path, "yesterday")


def test_a_point_can_be_a_date(stage: Stage) -> None:
    moment = [NOW]
    with stage.open(clock=lambda: moment[0]) as log:
        for number in range(3):
            log.append(event(number))
            moment[0] += 86_400
    points = {
        "2027-01-15": 0,
        "2027-01-16": 2,
        "2027-01-17T08:00:00Z": 3,
        "2027-01-17T09:00+01:00": 3,
        "2028-01-01": 5,
    }
    assert {when: size_at(stage.path, when) for when in points} == points


def test_a_person_has_it_stated_and_another_checks_it(terminal: Terminal, log: Stage) -> None:
    place = f"{log.path} --signer {log.state}"
    (terminal.directory / "head").write_text(terminal(f"audit head {log.path}").out)
    said = terminal(f"audit absence {place} --action guard.ban --from 1 --to head")
    assert said.code == 0, said.err
    (terminal.directory / "statement").write_text(said.out)
    checked = terminal(f"audit absence {log.path} --check statement --key {log.state}/key.pub")
    assert "entries 1 to 12 of stockade.example/node1 hold no event guard.ban" in checked.out
    said = terminal(f"audit absence {place} --action guard.unban --from 2027-01-01")
    assert (said.code, "entry 6 is guard.unban" in said.err) == (3, True)
