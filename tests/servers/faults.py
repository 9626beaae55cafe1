"""A network that can be made bad: a TCP proxy that delays, hangs and resets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest


class Faults:
    """A proxy on ``port`` in front of another loopback port; its faults are attributes, to be set at any time.

    ``delay`` (seconds) is added in both directions, ``hang`` holds everything back until it is unset, ``reset`` ends
    every new connection with RST, and ``cut()`` every open one.
    """

    def __init__(self, upstream_port: int) -> None:
        self.delay = 0.0
        self.hang = False
        self.reset = False
        self.port = 0
        self._upstream_port = upstream_port
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()

    def cut(self) -> None:
        """Reset the connections that are open now."""

        async def abort() -> None:
            for writer in self._open:
                _abort(writer)

        asyncio.run_coroutine_threadsafe(abort(), self._loop).result(10)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Faults]:
        """Serve in a thread of its own until the end of the block, so that blocking tests can use it too."""
        ready, stop = threading.Event(), asyncio.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(ready, stop),))
        thread.start()
        try:
            if not ready.wait(60):
                raise TimeoutError("the fault proxy did not start")
            yield self
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            thread.join()
            self._loop.close()

    async def _serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.reset:
            _abort(writer)
            return
        with contextlib.suppress(OSError, asyncio.CancelledError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            ends = {writer, up_writer}
            self._open |= ends
            try:
                await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))
            finally:
                self._open -= ends
                up_writer.close()
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await asyncio.sleep(self.delay)
            while self.hang:  # noqa: ASYNC110 -- set by another thread, whose events are not ours
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _abort(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


StartFaults = Callable[[int], Faults]


@pytest.fixture
def faults() -> Iterator[StartFaults]:
    """Put a proxy that can misbehave in front of a loopback port."""
    with contextlib.ExitStack() as stack:
        yield lambda upstream_port: stack.enter_context(Faults(upstream_port).serving())
