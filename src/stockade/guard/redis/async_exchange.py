"""Pipelines to every server that is needed, for those who await: one for each server and event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import monotonic
from typing import TypeVar, cast

from stockade.errors import Unavailable
from stockade.guard.meter import Ask
from stockade.guard.redis.asks import Answer, Encoder
from stockade.guard.redis.faults import ReplyError, refused
from stockade.guard.redis.greeting import Reply, greet, greet_seed
from stockade.guard.redis.pipeline import Pipeline
from stockade.guard.redis.script import Script
from stockade.guard.redis.topology import Topology, mend
from stockade.guard.redis.upkeep import Program
from stockade.guard.redis.url import Address, Target

T = TypeVar("T")
Encode = Callable[[], bytes]


class AsyncExchange:
    """Sends each question where its key lives, and follows what error replies ask for."""

    def __init__(self, target: Target, topology: Topology, script: Script, encoder: Encoder, deadline: float) -> None:
        self.deadline = deadline
        self._target = target
        self._topology = topology
        self._script = script
        self._encoder = encoder
        self._pipelines: dict[asyncio.AbstractEventLoop, dict[Address, Pipeline]] = {}
        self._findings: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}

    async def count(self, key: bytes, asks: Sequence[Ask], now: float | None, end: float) -> Answer:
        """The script's answer about one request; ``key`` is where it lives."""
        if now is not None:
            return cast("Answer", (await self.tell(key, partial(self._encoder.call, (asks,), now), end))[0])
        try:
            address = self._topology.address(key) or await self._find(key, end)
            reply = await self.pipeline(address).count(asks, end)
        except Unavailable:
            self._topology.doubt()
            raise
        if type(reply) is ReplyError:
            reply = (await self._mend(address, key, partial(self._encoder.call, (asks,)), reply, end))[0]
        return cast("Answer", reply)

    async def tell(self, key: bytes, encode: Encode, end: float) -> Reply:
        """The reply of whoever holds a key; raises Unavailable."""
        try:
            address = self._topology.address(key) or await self._find(key, end)
            reply = await self.pipeline(address).send(encode(), end)
        except Unavailable:
            self._topology.doubt()
            raise
        return await self._mend(address, key, encode, reply, end) if type(reply) is ReplyError else reply

    async def tell_all(self, questions: Sequence[tuple[bytes, Encode]], end: float) -> list[Reply]:
        """Ask everything at once; raises Unavailable when one question has no reply."""
        return await all_of([self.tell(key, encode, end) for key, encode in questions])

    async def run(self, program: Program[T], end: float | None = None) -> T:
        """Follow a program to its end; each of its trips may take one deadline, unless all together have an end."""
        try:
            commands = next(program)
            while True:
                questions = [(key, partial(bytes, command)) for key, command in commands]
                replies = await self.tell_all(questions, end or monotonic() + self.deadline)
                commands = program.send(replies)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _mend(self, address: Address, key: bytes, encode: Encode, reply: ReplyError, end: float) -> Reply:
        mending = mend(self._topology, self._script, address, encode, reply)
        try:
            where, commands = next(mending)
            while True:
                pipeline = self.pipeline(where or await self._find(key, end))
                futures = [pipeline.send(command, end) for command in commands]
                replies = await asyncio.gather(*futures)
                where, commands = mending.send(replies[-1])
        except StopIteration as done:
            return done.value

    # ── who to ask ───────────────────────────────────────────────────────────────────────────────

    def pipeline(self, address: Address) -> Pipeline:
        """The way to a server in the running loop."""
        loop = asyncio.get_running_loop()
        try:
            return self._pipelines[loop][address]
        except KeyError:
            for dead in [each for each in list(self._pipelines) if each.is_closed()]:
                self._pipelines.pop(dead, None)
            talk = partial(greet, self._target, address, self._script)
            pipeline = Pipeline(self._target, address, self._encoder, self.deadline, talk)
            return self._pipelines.setdefault(loop, {}).setdefault(address, pipeline)

    async def _find(self, key: bytes, end: float) -> Address:
        """Find out who holds a key; requests that want to know at the same time ask together."""
        loop = asyncio.get_running_loop()
        finding = self._findings.get(loop)
        if finding is None or finding.done():
            finding = self._findings[loop] = loop.create_task(self._ask_seeds(end))
            finding.add_done_callback(_take_note)
        try:
            await asyncio.shield(finding)
        finally:
            self._findings.pop(loop, None)
        address = self._topology.address(key)
        if address is None:
            raise Unavailable("the servers of Redis are changing places", remedy="Wait a moment.")
        return address

    async def _ask_seeds(self, end: float) -> None:
        topology = self._topology
        seeds = topology.seeds
        failure: Unavailable | None = None
        for place, seed in enumerate(seeds):
            share = (end - monotonic()) / (len(seeds) - place)
            try:
                topology.learn(seed, await self._ask_seed(seed, share))
            except Unavailable as error:
                failure = error
                continue
            if topology.seeds is seeds:
                topology.seeds = [*seeds[place:], *seeds[:place]]
            return
        if failure is not None:
            raise failure

    async def _ask_seed(self, seed: Address, share: float) -> Reply:
        pipeline = Pipeline(self._target, seed, self._encoder, share, partial(greet_seed, self._target, seed))
        try:
            reply = await pipeline.send(self._topology.question, monotonic() + share)
        finally:
            pipeline.close()
        if isinstance(reply, ReplyError):
            raise refused(seed, reply)
        return reply

    async def close(self) -> None:
        """Hang up in the running loop; the next question connects again."""
        for pipeline in self._pipelines.pop(asyncio.get_running_loop(), {}).values():
            pipeline.close()
        await asyncio.sleep(0)


async def all_of(questions: Sequence[Coroutine[None, None, Reply]]) -> list[Reply]:
    """Ask at once and wait for all, so that no failure is left behind; raises the first one."""
    replies = await asyncio.gather(*questions, return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException):
            raise reply
    return replies


def _take_note(task: asyncio.Task[None]) -> None:
    """A failure that nobody waited to the end for is no news."""
    if not task.cancelled():
        task.exception()
