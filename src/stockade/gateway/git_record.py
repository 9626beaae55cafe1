"""What a Git client did, read off the wire as it passes: whether contents left, and which references were pushed.

One operation is several requests. Contents leave in the one answer that holds a pack (gitformat-pack(5)); asking which
references there are moves none. A push is the one request whose body begins with commands (gitprotocol-pack(5),
"Reference Update Request"); the one before it, with which Git tries its credentials, has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from stockade.events import Outcome
from stockade.gateway.ssh_knock import KEPT, PACK
from stockade.guard.asgi import Message, Receive, Send

MOST_REFERENCES: Final = 50
_LENGTH: Final = re.compile(rb"[0-9a-fA-F]{4}")
_COMMAND: Final = re.compile(rb"(?P<old>[0-9a-f]{40,64}) (?P<new>[0-9a-f]{40,64}) (?P<name>[^\x00\n]+)")


class Told(Protocol):
    """Hears what was done, and how it ended."""

    def __call__(self, details: Mapping[str, Any], outcome: Outcome = ...) -> None: ...


def reading(send: Send, told: Told) -> Send:
    """``send``, and ``told`` once when contents begin to leave."""
    tail, left = b"", False

    async def watched(message: Message) -> None:
        nonlocal tail, left
        if not left and message["type"] == "http.response.body":
            seen = tail + message.get("body", b"")
            tail, left = seen[-len(PACK) :], PACK in seen
            if left:
                told({})
        await send(message)

    return watched


class Writing:
    """Watches one push: hand on ``receive`` and ``send``, and ask ``outcome`` at the end."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._asked, self._answered = bytearray(), bytearray()

    async def receive(self) -> Message:
        """What the client sends."""
        message = await self._receive()
        self._asked += message.get("body", b"")[: KEPT - len(self._asked)]
        return message

    async def send(self, message: Message) -> None:
        """What it is answered."""
        self._answered += message.get("body", b"")[: KEPT - len(self._answered)]
        await self._send(message)

    def details(self) -> Mapping[str, Any]:
        """The references that were to be changed, from what to what; nothing when there were none."""
        return references(bytes(self._asked))

    def succeeded(self) -> bool:
        """Whether Git has reported that it took all of it."""
        return taken(bytes(self._answered))


def references(asked: bytes) -> Mapping[str, Any]:
    """What the beginning of a push says that is to be changed, from what to what; nothing when there is nothing."""
    changes = [_change(found) for found in map(_COMMAND.match, packets(asked)) if found]
    if not changes:
        return {}
    more = len(changes) - MOST_REFERENCES
    return {"references": changes[:MOST_REFERENCES]} | ({"more": more} if more > 0 else {})


def taken(answered: bytes) -> bool:
    """Whether Git has reported that it took all of a push (gitprotocol-pack(5), "Report Status")."""
    return b"unpack ok" in answered and re.search(rb"ng refs/", answered) is None


def _change(found: re.Match[bytes]) -> Mapping[str, str]:
    return {name: found[name].decode("utf-8", "replace")[:255] for name in ("name", "old", "new")}


def packets(data: bytes) -> Iterator[bytes]:
    """The packets up to the first flush (gitprotocol-common(5), "pkt-line Format"), or to what is none."""
    at = 0
    while match := _LENGTH.match(data, at):
        length = int(match[0], 16)
        if length < 4 or at + length > len(data):
            return
        yield data[at + 4 : at + length]
        at += length
