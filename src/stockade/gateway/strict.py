"""HTTP/1.1 spoken strictly: what may be read in two ways is refused, and nobody may dawdle for long."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from stockade.gateway.exchange import Answered, Exchange, Reply
from stockade.gateway.head import LONGEST, TARGET, BadRequest, check, check_length

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024
"""What is still read and thrown away after a last answer, so that it is not lost (RFC 9112, section 9.6)."""
AtOnce = Callable[[Any, Mapping[bytes, bytes]], Reply | None]
"""``app.at_once(scope, fields)``: the whole answer to a request without a body, if it is known without waiting for
anything; ``fields`` are the header's.
"""
UNWANTED_BYTES: Final = 1024 * 1024
"""How much of a body that nobody wants is read for the sake of keeping the connection."""


ANSWERED: Final = cast("RequestResponseCycle", Answered())


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, made strict: it answers what it refuses, and closes the connection.

    Seconds: ``head_seconds`` is how long a new connection may say nothing, and a whole head may take; ``stall_seconds``
    how long a body may stand still, and a client not take its answer; ``idle_seconds`` how long a connection is kept
    between two requests, longer than proxies in front keep theirs; ``tick_seconds`` how often the clock is looked at.
    """

    head_seconds = 15.0
    stall_seconds = 60.0
    idle_seconds = 75.0
    tick_seconds = 1.0
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None before the first request

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The first head has to come soon."""
        super().connection_made(transport)
        self._at_once: AtOnce | None = getattr(self.app, "at_once", None)
        self._last: tuple[object, object, bytes] = (None, None, b"")
        self._in_head = False
        self._came = self._head_bytes = self._unwanted = 0
        self._since = self._last_read = self._last_written = self.loop.time()
        self._fault: BadRequest | None = None
        self._farewell: BadRequest | None = None
        self._to_discard: int | None = None
        self._lingers = False
        self._clock: TimerHandle = self.loop.call_later(self.tick_seconds, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is to be watched any more."""
        self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse it as soon as it is clear that it is no request."""
        if self._to_discard is not None:
            return self._discard(len(data))
        self._came = len(data)
        self._last_read = self.loop.time()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return self._upgrade()
        except httptools.HttpParserError:
            return self._refuse(self._fault or BadRequest("This is not HTTP/1.1."))
        if self._in_head:
            self._head_bytes += self._came
            if self._head_bytes > LONGEST:
                self._refuse(BadRequest("The head of this request is too long."))
        return None

    # ── what the parser found ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """A new request."""
        super().on_message_begin()
        self._in_head, self._since = True, self._last_read

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self.url += url
        if len(self.url) > TARGET:
            self._fail(BadRequest("This target is too long.", HTTPStatus.REQUEST_URI_TOO_LONG))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head; those of a trailer are bounded and otherwise ignored (RFC 9110, section 6.5.1)."""
        if self._in_head:
            self.headers.append((name.lower(), value.rstrip(b" \t")))
        else:
            self._head_bytes += len(name) + len(value)
            if self._head_bytes > LONGEST:
                self._fail(BadRequest("This trailer is too long."))

    def on_headers_complete(self) -> None:
        """The head is whole: judge it, then let the request be served."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        try:
            if self._head_bytes + self._came > LONGEST:
                check_length(self.url, self.headers)
            fields = check(method, self.url, version, self.headers)
        except BadRequest as fault:
            self._fault = fault
            raise
        self._in_head, self._head_bytes, self._unwanted = False, 0, 0
        self._describe(method, version)
        if b"upgrade" not in fields or not (self.parser.should_upgrade() and self._should_upgrade()):
            if self._answered_at_once(fields, keep_alive=version == "1.1" and self.parser.should_keep_alive()):
                return
            expects = fields.get(b"expect", b"").lower() == b"100-continue"
            self._serve(expects=expects, keep_alive=version == "1.1" and self.parser.should_keep_alive())

    def _answered_at_once(self, fields: dict[bytes, bytes], *, keep_alive: bool) -> bool:
        """Write the answer to a request without a body for which the application need not wait: no task, no turn of
        the event loop. Only when all before it are answered, and the client takes answers.
        """
        before = self.cycle
        if (
            self._at_once is None
            or not (keep_alive and (before is None or before.response_complete))
            or len(fields) != len(self.headers)  # lines of one name are to be joined
            or self.scope["method"] == "HEAD"
            or b"content-length" in fields
            or b"transfer-encoding" in fields
            or self.flow.write_paused
        ):
            return False
        try:
            reply = self._at_once(self.scope, fields)
            written = self._wire(reply) if reply is not None else None
        except Exception:
            self.logger.exception("an answer at once has failed; the request is served as others are")
            return False
        if written is None:
            return False
        self.transport.write(written)
        self.cycle = ANSWERED
        self.server_state.total_requests += 1
        self._since = self._last_read
        return True

    def _wire(self, reply: Reply) -> bytes:
        """The octets of an answer; most are the same as the last, under the same date."""
        defaults = self.server_state.default_headers
        if self._last[0] is not reply or self._last[1] is not defaults:
            self._last = reply, defaults, reply.written(defaults)
        return self._last[2]

    def _describe(self, method: bytes, version: str) -> None:
        scope = self.scope
        target = self.url if self.url[:1] == b"/" else _origin_form(self.url)
        path, _, query = target.partition(b"?")
        text = path.decode("ascii")
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(text) if "%" in text else text
        scope["raw_path"], scope["query_string"] = path, query

    def _serve(self, *, expects: bool, keep_alive: bool) -> None:
        """Now, or after the requests of this connection that came before (RFC 9112, section 9.3.2)."""
        before = self.cycle
        self.cycle = Exchange(self, self.scope, expects=expects, keep_alive=keep_alive)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """A piece of the body; a little of one that nobody wants any more is thrown away."""
        if self.cycle is not None and self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > UNWANTED_BYTES and self._to_discard is None:
                self._linger()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle.more_body = False
        super().on_message_complete()

    def _fail(self, fault: BadRequest) -> None:
        self._fault = fault
        raise fault

    def _upgrade(self) -> None:
        """A WebSocket takes the connection over; any other upgrade is ignored, and the connection then closed."""
        cycle = self.cycle
        if cycle is not None and not self._should_upgrade():
            cycle.keep_alive = False
            self._to_discard = LINGER_BYTES
        elif cycle is not None and not cycle.response_complete:
            self._refuse(BadRequest("A WebSocket cannot begin before earlier requests are answered."))
        else:
            self._clock.cancel()
            self.handle_websocket_upgrade()

    # ── answering, refusing, closing ─────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """One answer is out: go on with the next request; after the last, say what was wrong with what followed."""
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._farewell is not None:
            self._say(self._farewell)

    def _refuse(self, fault: BadRequest) -> None:
        """Answer what is wrong, after the answers that earlier requests of the connection still wait for."""
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not self._in_head:
            return self._refuse_body(cycle, fault)
        if cycle is not None and not cycle.response_complete:
            return self._say_later(fault)
        return self._say(fault)

    def _refuse_body(self, cycle: RequestResponseCycle, fault: BadRequest) -> None:
        """The fault is in the body of the last request: its application is told that the client is gone."""
        cycle.disconnected = True
        cycle.message_event.set()
        if self.pipeline:
            self.pipeline.popleft()
            self._say_later(fault)
        elif cycle.response_started:
            self.transport.abort()
        else:
            self._say(fault)

    def _say_later(self, fault: BadRequest) -> None:
        self._farewell, self._to_discard = fault, LINGER_BYTES

    def _say(self, fault: BadRequest) -> None:
        if self.transport.is_closing():
            return
        body = f"{fault.text}\n".encode()
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [name + b": " + value + b"\r\n" for name, value in fields]
        self.transport.write(b"".join([STATUS_LINE[fault.status], *lines, b"\r\n", body]))
        self._linger()

    def _linger(self) -> None:
        """Close our half; read on for a moment, lest a reset overtake the answer."""
        if self.transport.is_closing() or not self.transport.can_write_eof():
            return self.transport.close()
        self._to_discard, self._lingers, self._since = LINGER_BYTES, True, self.loop.time()
        self.flow.resume_reading()
        self.transport.write_eof()
        return None

    def _discard(self, came: int) -> None:
        self._to_discard = (self._to_discard or 0) - came
        if self._to_discard < 0:
            self.transport.abort()

    # ── watching the clock ───────────────────────────────────────────────────────────────────────

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        super().pause_writing()
        self._last_written = self.loop.time()

    def _tick(self) -> None:
        """Look, every now and then, whether something is late: cheaper than a timer for each request."""
        self._clock = self.loop.call_later(self.tick_seconds, self._tick)
        now, cycle = self.loop.time(), self.cycle
        if self.flow.write_paused and now - self._last_written > self.stall_seconds:
            self.transport.abort()
        elif self._lingers:
            self._close_after(LINGER_SECONDS, now)
        elif self._in_head and now - self._since > self.head_seconds:
            self._refuse(BadRequest("This request took too long to come.", HTTPStatus.REQUEST_TIMEOUT))
        elif cycle is None:
            self._close_after(self.head_seconds, now)
        elif cycle.more_body:
            self._check_body(now)
        elif cycle.response_complete and not self._in_head:
            self._close_after(self.idle_seconds, now)

    def _close_after(self, seconds: float, now: float) -> None:
        if now - self._since > seconds:
            self.transport.close()

    def _check_body(self, now: float) -> None:
        """While its reader is slower than the client, the client is not to blame."""
        if self.flow.read_paused:
            self._last_read = now
        elif now - self._last_read > self.stall_seconds:
            self._refuse(BadRequest("The rest of this request did not come.", HTTPStatus.REQUEST_TIMEOUT))


def _origin_form(target: bytes) -> bytes:
    """The path and query of an absolute target (RFC 9112, section 3.2.2), at least a slash."""
    rest = target.partition(b"://")[2]
    path = rest[len(rest.partition(b"/")[0].partition(b"?")[0]) :]
    return path if path[:1] == b"/" else b"/" + path
