"""An event loop appends without waiting for a disk itself, and hears of every event it has handed over."""

from __future__ import annotations

import asyncio

import pytest

from stockade.audit.awaiting import Awaiting
from stockade.audit.reading import entries
from stockade.errors import Unavailable
from tests.audit.conftest import Stage, event
from tests.audit.test_log import disk_full_at


async def test_many_tasks_wait_for_one_disk_and_each_gets_its_own_number(stage: Stage) -> None:
    with stage.open(sign_after=100, segment_size=20_000) as log:
        door = Awaiting(log)
        numbers = await asyncio.gather(*(door.append(event(n)) for n in range(700)))
    there = {entry.index: entry.event.details.get("n") for entry in entries(stage.path, 0)}
    assert [there[number] for number in numbers] == list(range(700))
    assert stage.verify().head.size > 700


async def test_a_disk_that_refuses_is_heard_of(stage: Stage) -> None:
    with stage.open() as log:
        door = Awaiting(log)
        with disk_full_at(stage.segment().stat().st_size), pytest.raises(Unavailable, match="cannot be written"):
            await door.append(event(1))
        assert await door.append(event(2)) > 0


async def test_who_has_waited_too_long_is_told_whether_it_is_recorded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.audit.log.RETRY", 2.0)  # so that nobody tries again meanwhile
    with stage.open() as log:
        door, patient = Awaiting(log, timeout=0.05), Awaiting(log)
        with disk_full_at(stage.segment().stat().st_size):
            with pytest.raises(Unavailable, match="cannot be written"):
                await patient.append(event(1))
            answers = await asyncio.gather(*(door.append(event(n)) for n in range(3)), return_exceptions=True)
        assert {str(answer).splitlines()[0] for answer in answers} == {
            "the audit log did not answer within 0.05 s; the event is not recorded"
        }
        await patient.append(event(9))
    recorded = [entry.event.details.get("n") for entry in entries(stage.path, 0) if entry.event.actor]
    assert recorded == [9]


async def test_a_task_that_has_gone_away_disturbs_nobody(stage: Stage) -> None:
    with stage.open() as log:
        door = Awaiting(log)
        gone, stays = asyncio.create_task(door.append(event(1))), asyncio.create_task(door.append(event(2)))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays > 0
        assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)


def test_a_loop_that_has_ended_disturbs_nobody(stage: Stage) -> None:
    async def leave() -> None:
        door = Awaiting(log)
        tasks = [asyncio.create_task(door.append(event(n))) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    with stage.open() as log:
        asyncio.run(leave())
        log.append(event(99))
    assert stage.verify().head.size == 53
