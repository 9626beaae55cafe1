"""One asynchronous connection: commands out, replies to whom they belong, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import cast

from hiredis import ProtocolError, Reader

from stockade.errors import Unavailable
from stockade.guard.redis.faults import lost
from stockade.guard.redis.greeting import Reply, Talk
from stockade.guard.redis.url import Address, Target

Future = asyncio.Future[Reply]
Waiting = Future | list[Future]
"""Who waits for a reply: one, or the requests that share a call and its list of answers."""


class Wire(asyncio.Protocol):
    """A connection from its making to its loss. A reply for which nobody waits any more is dropped in its turn."""

    transport: asyncio.Transport

    def __init__(self, address: Address) -> None:
        self.address = address
        self._reader = Reader()
        self._waiting: deque[tuple[float, Waiting]] = deque()

    @property
    def alive(self) -> bool:
        """Can anything be written to it?"""
        return not self.transport.is_closing()

    def stands_still(self, seconds: float) -> bool:
        """Has the oldest reply been missing for so long?"""
        return bool(self._waiting) and monotonic() - self._waiting[0][0] > seconds

    def write(self, messages: list[bytes], waiting: list[Waiting]) -> None:
        """Send commands in one write; each has a reply, and somebody who waits for it."""
        now = monotonic()
        self._waiting.extend([(now, each) for each in waiting])
        self.transport.write(b"".join(messages))

    async def greet(self, talk: Talk) -> None:
        """Hold a conversation to its end; raises Unavailable."""
        loop = asyncio.get_running_loop()
        try:
            commands = next(talk)
            while True:
                futures: list[Waiting] = [loop.create_future() for _ in commands]
                self.write(commands, futures)
                commands = talk.send([await cast("Future", future) for future in futures])
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
                answer(waiting.popleft()[1], reply)
        except (ProtocolError, IndexError):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody who waits."""
        waiting, self._waiting = self._waiting, deque()
        for _, each in waiting:
            fail(each, lost(self.address, error))

    def close(self) -> None:
        """Hang up, whatever is still under way."""
        self.transport.abort()


def answer(waiting: Waiting, reply: Reply) -> None:
    """Give a reply to who waits for it: to each request of a shared call its own answer, or the error to all."""
    if type(waiting) is list:
        for future, each in zip(waiting, reply if type(reply) is list else [reply] * len(waiting), strict=True):
            if not future.done():
                future.set_result(each)
    elif not waiting.done():  # type: ignore[union-attr]
        waiting.set_result(reply)  # type: ignore[union-attr]


def fail(waiting: Waiting, error: Unavailable) -> None:
    """Tell who waits that there will be no reply."""
    for future in waiting if isinstance(waiting, list) else [waiting]:
        if not future.done():
            future.set_exception(type(error)(error.message, remedy=error.remedy))


async def dial(target: Target, address: Address) -> Wire:
    """A new connection; raises OSError."""
    loop = asyncio.get_running_loop()
    if not address.port:
        return (await loop.create_unix_connection(lambda: Wire(address), address.host))[1]
    host = address.host if target.tls else None
    return (await loop.create_connection(lambda: Wire(address), *address, ssl=target.tls, server_hostname=host))[1]
