"""One asynchronous connection: commands out, replies to whom they belong, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from time import monotonic
from typing import cast

from hiredis import ProtocolError, Reader

from stockade.errors import Unavailable
from stockade.guard.meter import Ask
from stockade.guard.redis.faults import lost
from stockade.guard.redis.greeting import Reply, Talk
from stockade.guard.redis.url import Address, Target

Future = asyncio.Future[Reply]
Asked = tuple[Sequence[Ask], Future, float]
"""A request's question, who waits for the answer, and until when (monotonic)."""
Sent = tuple[bytes, Future, float]
"""The same of any other command."""
Waiting = list[Asked] | Sent
"""Who waits for a reply: the requests that share a call and its list of answers, or one."""


class Wire(asyncio.Protocol):
    """A connection from its making to its loss. A reply for which nobody waits any more is dropped in its turn."""

    transport: asyncio.Transport

    def __init__(self, address: Address) -> None:
        self.address = address
        self.load = 0
        self._reader = Reader()
        self._waiting: deque[tuple[float, Waiting]] = deque()

    @property
    def alive(self) -> bool:
        """Can anything be written to it?"""
        return not self.transport.is_closing()

    def stands_still(self, seconds: float) -> bool:
        """Has the oldest reply been missing for so long?"""
        return bool(self._waiting) and monotonic() - self._waiting[0][0] > seconds

    def waiting(self) -> Iterator[tuple[Future, float]]:
        """Everybody who waits for a reply, and until when."""
        for _, each in self._waiting:
            yield from patience(each)

    def write(self, calls: Sequence[tuple[bytes, Waiting]]) -> None:
        """Send commands in one write; each has a reply, and somebody who waits for it."""
        now = monotonic()
        self._waiting.extend([(now, waiting) for _, waiting in calls])
        self.load += sum(len(waiting) if type(waiting) is list else 1 for _, waiting in calls)
        self.transport.write(b"".join([message for message, _ in calls]))

    async def greet(self, talk: Talk) -> None:
        """Hold a conversation to its end; raises Unavailable."""
        loop = asyncio.get_running_loop()
        try:
            commands = next(talk)
            while True:
                sent: list[Sent] = [(command, loop.create_future(), inf) for command in commands]
                self.write([(each[0], each) for each in sent])
                commands = talk.send([await future for _, future, _ in sent])
        except StopIteration:
            return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand replies to who waits for them."""
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not False:
                self.load -= answer(waiting.popleft()[1], reply)
        except (ProtocolError, IndexError):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody who waits."""
        waiting, self._waiting, self.load = self._waiting, deque(), 0
        for _, each in waiting:
            for future, _ in patience(each):
                fail(future, lost(self.address, error))

    def close(self) -> None:
        """Hang up, whatever is still under way."""
        self.transport.abort()


def patience(waiting: Waiting) -> Iterator[tuple[Future, float]]:
    """Who waits for a reply, and until when."""
    for _, future, end in waiting if type(waiting) is list else [cast("Sent", waiting)]:
        yield future, end


def answer(waiting: Waiting, reply: Reply) -> int:
    """Give a reply to who waits for it: to each request of a shared call its own answer, or the error to all. Answers
    how many they are.
    """
    if type(waiting) is not list:
        waiting, reply = [cast("Asked", waiting)], [reply]
    for (_, future, _), each in zip(waiting, reply if type(reply) is list else [reply] * len(waiting), strict=True):
        if not future.done():
            future.set_result(each)
    return len(waiting)


def fail(future: Future, error: Unavailable) -> None:
    """Tell who waits, if they still do, that there will be no reply."""
    if not future.done():
        future.set_exception(type(error)(error.message, remedy=error.remedy))


async def dial(target: Target, address: Address) -> Wire:
    """A new connection; raises OSError."""
    loop = asyncio.get_running_loop()
    if not address.port:
        return (await loop.create_unix_connection(lambda: Wire(address), address.host))[1]
    host = address.host if target.tls else None
    return (await loop.create_connection(lambda: Wire(address), *address, ssl=target.tls, server_hostname=host))[1]
