"""What must be recorded is told from what should be, and the log does as the table says."""

from __future__ import annotations

import pytest

from stockade.actions import BEHAVIOUR_OF
from stockade.audit.importance import ALSO, BY_HAND, NOT, must
from stockade.errors import Unavailable
from tests.audit.conftest import Stage, event
from tests.audit.test_log import disk_full_at


@pytest.mark.parametrize(
    "action",
    [
        "token.create",
        "factor.remove",
        "password.change",
        "user.role.change",
        "guard.unban",
        "session.end",
        "person.erase",
    ],
)
def test_what_gives_or_takes_rights_must_be_recorded(action: str) -> None:
    assert must(action)


@pytest.mark.parametrize(
    "action", ["authentication.failure", "http.request", "guard.throttle", "unknown", "no.such.word"]
)
def test_what_comes_in_numbers_should_be(action: str) -> None:
    assert not must(action)


@pytest.mark.parametrize("action", ["authentication.success", "session.create", "log.read"])
def test_a_full_disk_locks_nobody_out(action: str) -> None:
    assert not must(action)


def test_every_exception_is_a_word_of_the_vocabulary() -> None:
    assert BEHAVIOUR_OF.keys() >= ALSO | NOT | BY_HAND


def test_on_a_full_disk_the_one_is_refused_and_the_other_is_kept(stage: Stage) -> None:
    with stage.open() as log:
        with disk_full_at(stage.segment().stat().st_size):
            with pytest.raises(Unavailable):
                log.record(event(1, "token.create"))
            log.record(event(2, "authentication.failure"))
        log.append(event(3, "token.create"))
    recorded = [action for action in stage.actions() if not action.startswith("log.")]
    assert recorded == ["authentication.failure", "token.create"]
