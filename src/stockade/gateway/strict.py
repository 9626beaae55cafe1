"""HTTP/1.1 spoken strictly: what may be read in two ways is refused, and nobody may dawdle for long."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from stockade.gateway.head import LONGEST, TARGET, BadRequest, check, check_length

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024
"""What is still read and thrown away after a last answer, so that it is not lost (RFC 9112, section 9.6)."""
UNWANTED_BYTES: Final = 1024 * 1024
"""How much of a body that nobody wants is read for the sake of keeping the connection."""


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, made strict: it answers what it refuses, and closes the connection.

    ``head_seconds`` is how long a new connection may say nothing, and a whole head may take; ``stall_seconds`` how
    long a body may stand still, and a client not take its answer.
    """

    head_seconds = 15.0
    stall_seconds = 60.0
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None before the first request

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The first head has to come soon."""
        super().connection_made(transport)
        self._in_head = False
        self._came = self._head_bytes = self._unwanted = 0
        self._last_read = 0.0
        self._fault: BadRequest | None = None
        self._farewell: BadRequest | None = None
        self._to_discard: int | None = None
        self._head_timer: TimerHandle | None = None
        self._body_timer: TimerHandle | None = None
        self._write_timer: TimerHandle | None = None
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is to be watched any more."""
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse it as soon as it is clear that it is no request."""
        if self._to_discard is not None:
            return self._discard(len(data))
        self._came = len(data)
        self._last_read = self.loop.time()
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return self._upgrade()
        except httptools.HttpParserError:
            return self._refuse(self._fault or BadRequest("This is not HTTP/1.1."))
        if self._in_head:
            self._await_head()
        elif self.cycle is not None and self._to_discard is None:
            self._await_body(self.cycle)
        return None

    def _await_head(self) -> None:
        self._head_bytes += self._came
        if self._head_bytes > LONGEST:
            self._refuse(BadRequest("The head of this request is too long."))
        elif self._head_timer is None:
            self._watch_head()

    def _await_body(self, cycle: RequestResponseCycle) -> None:
        if cycle.more_body:
            if self._body_timer is None:
                self._body_timer = self.loop.call_later(self.stall_seconds, self._check_body, cycle)
        elif cycle.response_complete and self._head_timer is None:  # blank lines between two requests
            self._watch_head()

    # ── what the parser found ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """A new request."""
        super().on_message_begin()
        self._in_head = True

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
        try:
            if self._head_bytes + self._came > LONGEST:
                check_length(self.url, self.headers)
            fields = check(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        except BadRequest as fault:
            self._fault = fault
            raise
        self.expect_100_continue = fields.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()
        self._in_head, self._head_bytes, self._unwanted = False, 0, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

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
            self._stop_watching()
            self.handle_websocket_upgrade()

    # ── refusing and closing ─────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """One answer is out; after the last, say what was wrong with the request behind it."""
        if self._farewell is not None and not self.pipeline:
            self._say(self._farewell)
        else:
            super().on_response_complete()

    def _refuse(self, fault: BadRequest) -> None:
        """Answer what is wrong, after the answers that earlier requests of the connection still wait for."""
        self._stop_watching()
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
        self._stop_watching()
        self._to_discard = LINGER_BYTES
        if self.transport.is_closing() or not self.transport.can_write_eof():
            return self.transport.close()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._head_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        return None

    def _discard(self, came: int) -> None:
        self._to_discard = (self._to_discard or 0) - came
        if self._to_discard < 0:
            self.transport.abort()

    # ── watching the clock ───────────────────────────────────────────────────────────────────────

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()

    def _watch_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refuse(BadRequest("This request took too long to come.", HTTPStatus.REQUEST_TIMEOUT))
        else:
            self.transport.close()

    def _check_body(self, cycle: RequestResponseCycle) -> None:
        """Look whether a body still comes; while its reader is slower than the client, the client is not to blame."""
        self._body_timer = None
        if cycle is not self.cycle or not cycle.more_body or self.transport.is_closing():
            return
        left = self._last_read + self.stall_seconds - self.loop.time()
        if left > 0 or self.flow.read_paused:
            self._body_timer = self.loop.call_later(max(left, 1.0), self._check_body, cycle)
        else:
            self._refuse(BadRequest("The rest of this request did not come.", HTTPStatus.REQUEST_TIMEOUT))

    def _stop_watching(self) -> None:
        for timer in (self._head_timer, self._body_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._body_timer = self._write_timer = None
