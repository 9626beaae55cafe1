"""What lasts, such as a clone, is ended when it would not be allowed any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from starlette.responses import Response

from stockade.guard.asgi import Message, Receive, Scope, Send

AGAIN: Final = 0.5
"""Seconds between two looks whether what is being served may be."""


async def as_long_as_allowed(forbidden: Callable[[], Awaitable[str]], serving: Coroutine[Any, Any, None]) -> str:
    """Serve, and ask twice a second why it has to end; that reason, or nothing when it has ended by itself."""
    task = asyncio.create_task(serving)
    try:
        while not (await asyncio.wait({task}, timeout=AGAIN))[0]:
            if why := await forbidden():
                return why
        await task
        return ""
    finally:
        task.cancel()
        await asyncio.wait({task})


class Answer:
    """What is sent, and whether it has begun: then it can only be broken off."""

    def __init__(self, send: Send) -> None:
        self._send, self._begun, self._over = send, False, False

    async def send(self, message: Message) -> None:
        """Pass it on."""
        self._begun = True
        self._over = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def end(self, instead: Response, scope: Scope, receive: Receive) -> None:
        """Answer this ``instead``, or break off what has begun."""
        if not self._begun:
            await instead(scope, receive, self._send)
        elif not self._over:
            await self._send({"type": "http.response.body"})
