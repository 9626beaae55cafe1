"""A growing log is judged by the rules that judge requests, with the same store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import time

import pytest

from stockade.guard.conditions import credentials, path, status
from stockade.guard.gate import Guard
from stockade.guard.logs.lines import Watch, Watched, memory_of, watch
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import Ask, Ban, Tally
from stockade.guard.policy import Policy
from stockade.guard.rules import Allow2Ban, Throttle
from tests.lines.logs import NOON, access, guess

GUESSING = Allow2Ban("guessing", maxretry=3, findtime=60, bantime=600, when=status(401) & credentials())


class Stage:
    """A log, a guard whose clock is set by hand, and a watch."""

    def __init__(self, folder: Path, guard: Guard | None = None, **settings: str) -> None:
        self.log = folder / "service.log"
        self.now = NOON
        self.guard = guard or Guard(GUESSING, clock=self.clock)
        self.said: list[str] = []
        self.watch = Watch(
            self.log, self.guard, zone=UTC, position=folder / "position", say=self.said.append, **settings
        )

    def clock(self) -> float:
        return self.now

    async def write(self, *lines: str) -> int:
        with self.log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        return await self.watch.step()


Set = Callable[..., Stage]


@pytest.fixture
def set_up(tmp_path: Path) -> Iterator[Set]:
    """Makes stages, and takes them down."""
    stages: list[Stage] = []

    def make(guard: Guard | None = None, **settings: str) -> Stage:
        stages.append(Stage(tmp_path, guard, **settings))
        return stages[-1]

    yield make
    for stage in stages:
        stage.watch.tail.close()


@pytest.fixture
def stage(set_up: Set) -> Stage:
    return set_up()


def wrong(at: float = NOON, address: str = "192.0.2.1") -> str:
    return access(address, status=401, user="eve", at=at)


async def test_three_wrong_passwords_are_a_ban(stage: Stage) -> None:
    assert await stage.write(wrong(), wrong()) == 2
    assert stage.guard.bans() == []
    await stage.write(wrong())
    (ban,) = stage.guard.bans()
    assert (ban.client, ban.rule, ban.until, ban.evidence) == ("192.0.2.1", "guessing", NOON + 600, "GET / 401")
    assert "read as combined: 2 requests in the first 2 lines" in stage.said[0]
    assert stage.watch.seen == Watched("combined", lines=3, judged=3)


async def test_gits_first_question_without_credentials_is_no_failure(stage: Stage) -> None:
    await stage.write(*[access(status=401)] * 9)
    assert stage.guard.bans() == []


async def test_sshd_is_banned_by_the_same_kind_of_rule(set_up: Set) -> None:
    rule = Allow2Ban("ssh", maxretry=3, findtime=60, bantime=600, when=path("/ssh") & status(401))
    stage = set_up(Guard(rule, clock=lambda: NOON))
    await stage.write(*[guess(at=NOON - 5 + n, address="2001:db8::1") for n in range(3)])
    assert [ban.client for ban in stage.guard.bans()] == ["2001:db8::/64"]


async def test_a_watch_goes_on_over_the_end_of_a_year_that_its_lines_do_not_say(set_up: Set) -> None:
    now = datetime(2025, 12, 30, 12, tzinfo=UTC).timestamp()
    rule = Allow2Ban("ssh", maxretry=2, findtime=60, bantime=600, when=path("/ssh") & status(401))
    stage = set_up(Guard(rule, clock=lambda: now))
    guessed = "{} 12:00:0{} host sshd[{}]: Failed password for root from 203.0.113.9 port 22 ssh2"
    await stage.write(guessed.format("Dec 30", 1, 1))
    now += 4 * 86_400
    await stage.write(*(guessed.format("Jan  3", n, n) for n in range(2)))
    (ban,) = stage.guard.bans()
    assert ban.until == datetime(2026, 1, 3, 12, 10, tzinfo=UTC).timestamp()
    assert stage.said == [f"{stage.log}: read as sshd: 1 requests in the first 1 lines"]


async def test_a_backlog_is_counted_on_its_own_clock_and_its_bans_end_by_the_real_one(stage: Stage) -> None:
    stage.now = NOON + 300
    await stage.write(
        wrong(NOON - 200), wrong(NOON - 100), wrong(NOON), *[wrong(NOON + n, "192.0.2.2") for n in range(3)]
    )
    assert [(ban.client, ban.until) for ban in stage.guard.bans()] == [("192.0.2.2", NOON + 602)]
    stage.now = NOON + 603
    assert stage.guard.bans() == []


async def test_what_is_too_old_to_matter_is_passed_over(stage: Stage) -> None:
    await stage.write(*[wrong(NOON - 7200)] * 3, wrong())
    assert (stage.watch.seen.old, stage.watch.seen.judged) == (3, 1)


async def test_a_line_from_the_future_counts_now_and_somebody_is_told(stage: Stage) -> None:
    await stage.write(wrong())
    await stage.write(*[wrong(NOON + 3600)] * 2)
    assert [ban.until for ban in stage.guard.bans()] == [NOON + 600]
    assert "3600 s ahead of the clock: is the zone right?" in stage.said[-1]


async def test_a_line_that_cannot_be_read_is_counted_and_shown_escaped(stage: Stage) -> None:
    await stage.write(wrong(), "\x1b[2Jjunk", "", "\x80", wrong())
    assert (stage.watch.seen.judged, stage.watch.seen.unreadable) == (2, 2)
    assert r"\x1b[2Jjunk" in stage.said[1]
    await stage.write(*["junk"] * 20)
    assert len(stage.said) == 6


async def test_a_throttled_request_happened_all_the_same(set_up: Set) -> None:
    stage = set_up(Guard(Throttle("one", limit=1, period=60), GUESSING, clock=lambda: NOON))
    await stage.write(*[wrong()] * 3)
    assert [ban.rule for ban in stage.guard.bans()] == ["guessing"]


async def test_a_restart_judges_no_line_twice(set_up: Set) -> None:
    first = set_up()
    await first.write(wrong(), wrong())
    first.watch.tail.close()
    second = set_up(first.guard, format="combined")
    await second.write(wrong(NOON, "192.0.2.2"))
    assert second.watch.seen.judged == 1
    assert second.guard.bans() == []


async def test_rules_may_change_while_a_log_is_watched(stage: Stage) -> None:
    await stage.write(wrong())
    stage.guard.follow([Allow2Ban("strict", maxretry=1, findtime=60, bantime=60, when=status(401))])
    await stage.write(wrong())
    assert [ban.rule for ban in stage.guard.bans()] == ["strict"]


class Awaited:
    """A memory store across an event loop."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=lambda: NOON)

    async def count(self, asks: list[Ask], now: float | None = None) -> list[Tally]:
        await asyncio.sleep(0)
        return self.store.count(asks, now)

    async def ban(self, ban: Ban) -> None:
        self.store.ban(ban)

    async def forget(self, client: str) -> list[Ban]:
        return self.store.forget(client)

    async def bans(self) -> list[Ban]:
        return list(self.store.bans())

    async def networks(self) -> tuple[str, ...]:
        return tuple(self.store.networks())


async def test_a_store_that_is_awaited_serves_as_well(set_up: Set) -> None:
    guard = Guard(GUESSING, store=Awaited(), clock=lambda: NOON)  # type: ignore[arg-type]
    stage = set_up(guard)
    await stage.write(*[wrong()] * 3)
    assert [ban.client for ban in await guard.abans()] == ["192.0.2.1"]


async def test_a_watch_runs_until_it_is_stopped_and_through_a_rotation(tmp_path: Path) -> None:
    log, read, banned, stop = tmp_path / "service.log", asyncio.Event(), asyncio.Event(), asyncio.Event()
    guard = Guard(GUESSING, record=lambda event: banned.set() if event.action == "guard.ban" else None)
    running = asyncio.create_task(
        watch(log, guard, say=lambda said: read.set() if "read as" in said else None, stop=stop)
    )
    log.write_text(wrong(time()) + "\n")
    async with asyncio.timeout(120):
        await read.wait()
    log.rename(tmp_path / "service.log.1")
    log.write_text(f"{wrong(time())}\n{wrong(time())}\n")
    async with asyncio.timeout(120):
        await banned.wait()
    stop.set()
    assert (await running).judged == 3


def test_the_memory_of_a_policy_is_as_long_as_anything_may_matter() -> None:
    assert memory_of(Policy([])) == 3600
    assert memory_of(Policy([GUESSING, Throttle("slow", limit=1, period=86_400)])) == 172_800
    assert memory_of(Policy([Allow2Ban("long", maxretry=1, findtime=9, bantime=[60, 7200], when=status(401))])) == 7209
