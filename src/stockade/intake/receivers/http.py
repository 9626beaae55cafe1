"""Deliveries over HTTP, as an ASGI application: GitLab's audit event streams, and JSON of any other sender.

GitLab sends JSON and calls it a form (``application/x-www-form-urlencoded``), so the content type counts for nothing.
Its token is a shared secret, the same with every delivery: keep TLS around it. A delivery is answered with 200 when it
is in the log, with 503 when it is not, so that a sender which tries again loses nothing; what comes again is known by
its id.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stockade.errors import ConfigurationError, StockadeError
from stockade.intake.arrivals import arrivals
from stockade.intake.handover import Arrival, Handover
from stockade.intake.settings import HttpSource
from stockade.intake.taken import Reader
from stockade.lines.line import Unreadable, json_value

SHORTEST: Final = 16
"""Characters of a token at least: GitLab makes them of 24."""
PATIENCE: Final = 20.0
"""Seconds within which a body must be there."""
MOST_EVENTS: Final = 1_000

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, dict[str, object]]


def token_in(path: Path) -> bytes:
    """The secret in a file, without the newline at its end. Raises ConfigurationError, which never shows it."""
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"the token in {path} cannot be read: {error.strerror}") from error
    if len(token) < SHORTEST:
        raise ConfigurationError(f"the token in {path} is too short", remedy=f"Use {SHORTEST} characters or more.")
    return token


class HttpReceiver:
    """The application for one source. Every answer is JSON."""

    def __init__(
        self,
        source: HttpSource,
        new_reader: Callable[[], Reader],
        handover: Handover,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source, self.handover = source, handover
        self._new_reader, self._clock = new_reader, clock
        self._token = sha256(token_in(source.token)).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, said = await self._answer(scope, receive)
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        if status == 503:
            headers.append((b"retry-after", b"5"))
        if status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if refused := self._refused(scope, headers):
            return refused
        body = await self._body(headers.get(b"content-length", b""), receive)
        if isinstance(body, int):
            return body, {"error": f"the body is too long, too slow, or cut off; {self.source.max_body} octets at most"}
        try:
            return await asyncio.to_thread(self._take, body)
        except StockadeError:  # whatever is wrong with the log is not the sender's business
            return 503, {"error": "the log takes nothing at the moment"}

    def _refused(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Answer | None:
        """Why a request is refused before its body is read."""
        if scope["path"] != self.source.path:
            return 404, {"error": "nothing is here"}
        if scope["method"] != "POST":
            return 405, {"error": "events are posted"}
        given = headers.get(self.source.header.lower().encode(), b"")
        if not hmac.compare_digest(sha256(given).digest(), self._token):
            return 401, {"error": f"the token in {self.source.header} is missing or wrong"}
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return 415, {"error": "send the body as it is"}
        return None

    async def _body(self, length: bytes, receive: Receive) -> bytes | int:
        """The whole body, or the status that refuses it."""
        if length.isdigit() and int(length) > self.source.max_body:
            return 413
        parts, size = [], 0
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return 400
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.source.max_body:
                        return 413
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            return 408

    def _take(self, body: bytes) -> Answer:
        now, read = self._clock(), self._new_reader()
        messages = messages_of(body)
        if not messages or len(messages) > MOST_EVENTS:
            return 400, {"error": f"{len(messages)} events; 1 to {MOST_EVENTS} are taken at once"}
        found: list[Arrival] = []
        for at, message in enumerate(messages):
            found += arrivals(read, message, id=f"{sha256(message).hexdigest()}/{at}", now=now)
        taken = self.handover.take(self.source.same_as or self.source.name, found, now=now)
        refused = [str(event.details["reason"]) for event, _ in found if event.details.get("type") == "unreadable"]
        said: dict[str, object] = {"taken": taken, "known": len(found) - taken}
        return (422, {**said, "kept as unknown": refused[:10]}) if refused else (200, said)


def messages_of(body: bytes) -> list[bytes]:
    """The objects of a body: one, an array of them, or one a line; and lines of a format that is no JSON."""
    try:
        found = json_value(body)
    except Unreadable:
        return [line for line in body.split(b"\n") if line.strip()]
    if isinstance(found, list):
        return [json.dumps(each).encode() for each in found]
    return [body] if found else []
