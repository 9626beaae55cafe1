"""What every sink promises, tried on each with the real other side."""

from __future__ import annotations

import time

import pytest

from stockade.errors import Unavailable
from tests.audit.sinks.rigs import Rig, parcel
from tests.servers.processes import wait_until

RIGS = ["file_rig", "syslog_rig", "relp_rig", "https_rig", "s3_rig"]
NETWORKED = [name for name in RIGS if name != "file_rig"]


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Rig:
    found: Rig = request.getfixturevalue(request.param)
    return found


every_sink = pytest.mark.parametrize("rig", RIGS, indirect=True)


def arrived(rig: Rig, numbers: list[int]) -> None:
    """Wait until exactly these have arrived, in this order, each for the first time; what came twice may do so."""

    def first_times() -> list[int]:
        return list(dict.fromkeys(rig.received()))

    try:
        wait_until(lambda: first_times() == numbers, f"{numbers}", seconds=60)
    except TimeoutError:
        assert first_times() == numbers


@every_sink
def test_entries_arrive_in_order(rig: Rig) -> None:
    sink = rig.sink()
    assert sink.open(0) == 0
    assert sink.write(parcel(0, 3)) == 3
    assert sink.write(parcel(3, 5)) == 5
    sink.close()
    arrived(rig, [0, 1, 2, 3, 4])


@every_sink
def test_another_process_goes_on_where_the_first_has_stopped(rig: Rig) -> None:
    first = rig.sink()
    first.open(0)
    first.write(parcel(0, 5))
    first.close()
    arrived(rig, [0, 1, 2, 3, 4])
    second = rig.sink()
    wanted = second.open(5)
    assert wanted <= 5
    assert second.write(parcel(wanted, 8)) == 8
    second.close()
    arrived(rig, [0, 1, 2, 3, 4, 5, 6, 7])


@every_sink
def test_nothing_is_taken_that_would_leave_a_gap(rig: Rig) -> None:
    sink = rig.sink()
    sink.open(0)
    assert sink.write(parcel(0, 2)) == 2
    assert sink.write(parcel(4, 6)) == 2
    assert sink.write(parcel(2, 6)) == 6
    sink.close()
    arrived(rig, [0, 1, 2, 3, 4, 5])


@every_sink
def test_what_was_sent_already_is_passed_over(rig: Rig) -> None:
    sink = rig.sink()
    sink.open(0)
    sink.write(parcel(0, 3))
    assert sink.write(parcel(0, 5)) == 5
    assert sink.write(parcel(0, 2)) == 5
    sink.close()
    arrived(rig, [0, 1, 2, 3, 4])
    assert rig.received() == [0, 1, 2, 3, 4]


@every_sink
def test_while_it_is_down_that_is_said_and_then_it_goes_on(rig: Rig) -> None:
    sink = rig.sink(deadline=2)
    sink.open(0)
    sink.write(parcel(0, 3))
    arrived(rig, [0, 1, 2])
    with rig.down(), pytest.raises(Unavailable):  # noqa: PT012  which of the steps says so is the sink's own affair
        sink.write(parcel(3, 5))
        sink.close()
        sink.open(3)
        sink.write(parcel(3, 5))
    sink.close()
    wanted = sink.open(3)
    assert wanted <= 3
    assert sink.write(parcel(wanted, 6)) == 6
    sink.close()
    arrived(rig, [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("rig", NETWORKED, indirect=True)
def test_who_does_not_answer_is_given_up_at_the_deadline(rig: Rig) -> None:
    sink = rig.sink(deadline=0.5)
    with rig.hanging():
        began = time.monotonic()
        with pytest.raises(Unavailable):  # noqa: PT012  as above
            sink.open(0)
            sink.write(parcel(0, 3))
        assert time.monotonic() - began < 30
    sink.close()
