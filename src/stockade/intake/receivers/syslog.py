"""Syslog received over TLS (RFC 5425): both sides show certificates, and a message is taken when it is in the log.

The protocol has no answer, so what a sender has written and the log has not when one of the two dies is known to the
sender alone; rsyslog sends again what it kept. A message of RFC 5424 with fractions of a second is the same when it
comes again; of a line without, two that are alike are two.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from stockade.errors import ConfigurationError, StockadeError, Unavailable
from stockade.intake.arrivals import arrivals
from stockade.intake.handover import Arrival, Handover
from stockade.intake.receivers.frames import Frames
from stockade.intake.settings import SyslogSource
from stockade.intake.taken import Reader
from stockade.lines.line import Unreadable
from stockade.lines.tail import Say

CHUNK: Final = 65_536
AGAIN: Final = 0.5
"""Seconds before what the log has refused is handed over again; meanwhile nothing more is read from the sender."""
MOST: Final = 256
"""Senders that are connected at once."""
PRECISE: Final = re.compile(rb"<\d{1,3}>1 \S+T\S*\.\d+")


def context_of(source: SyslogSource) -> ssl.SSLContext:
    """TLS 1.2 or newer, with a certificate asked of every client. Raises ConfigurationError for files it cannot use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(source.certificate, source.key)
        context.load_verify_locations(source.clients)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"syslog {source.name}: the certificate, its key or the authorities cannot be used: {error}",
            remedy=f"Look at {source.certificate}, {source.key} and {source.clients}.",
        ) from error
    return context


class SyslogReceiver:
    """One listening address. A reader of its own for every connection, so that senders do not mix."""

    def __init__(
        self,
        source: SyslogSource,
        new_reader: Callable[[], Reader],
        handover: Handover,
        *,
        say: Say,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source, self.handover = source, handover
        self._new_reader, self._say, self._clock = new_reader, say, clock
        self._open = 0

    async def start(self) -> asyncio.Server:
        """Listen. Raises ConfigurationError, and Unavailable when the address cannot be had."""
        try:
            return await asyncio.start_server(
                self._serve, self.source.host, self.source.port, ssl=context_of(self.source), ssl_handshake_timeout=10
            )
        except OSError as error:
            where = f"{self.source.host}:{self.source.port}"
            raise Unavailable(f"syslog {self.source.name}: cannot listen on {where}: {error.strerror}") from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = _sender(writer.get_extra_info("peercert") or {}, self.source.senders)
        peer = str((writer.get_extra_info("peername") or ["?"])[0])
        try:
            if sender is None or self._open >= MOST:
                why = "its certificate bears none of the names in senders" if sender is None else "too many senders"
                self._say(f"syslog {self.source.name}: {peer} was turned away: {why}")
                return
            self._open += 1
            try:
                await self._read(reader, sender)
            finally:
                self._open -= 1
        except (Unreadable, StockadeError) as refused:
            self._say(f"syslog {self.source.name}: {sender} at {peer} was cut off: {refused}")
        finally:
            with suppress(OSError, ssl.SSLError):
                writer.close()

    async def _read(self, reader: asyncio.StreamReader, sender: str) -> None:
        frames, read = Frames(), self._new_reader()
        while True:
            try:
                octets = await reader.read(CHUNK)
            except (OSError, ssl.SSLError):
                octets = b""
            try:
                messages = frames.feed(octets)
            except Unreadable:
                await self._take([frames.rest()[:CHUNK]], read, sender)
                raise
            if not octets and (rest := frames.rest()):
                messages.append(rest)
            if messages:
                await self._take(messages, read, sender)
            if not octets:
                return

    async def _take(self, messages: list[bytes], read: Reader, sender: str) -> None:
        now = self._clock()
        found = [each for message in messages for each in arrivals(read, message, id=identity(message), now=now)]
        marked = [Arrival(replace(event, details={**event.details, "sender": sender}), id) for event, id in found]
        while True:
            try:
                await asyncio.to_thread(self.handover.take, self.source.name, marked, now=now)
            except Unavailable as error:
                self._say(f"syslog {self.source.name}: waiting for the log: {error.message}")
                await asyncio.sleep(AGAIN)
            else:
                return


def identity(message: bytes) -> str:
    """What makes a message the same when it comes again; each its own where its time is told in whole seconds."""
    return sha256(message).hexdigest() if PRECISE.match(message) else uuid4().hex


def _sender(certificate: dict[str, Any], allowed: tuple[str, ...]) -> str | None:
    """The name in a certificate that was verified (RFC 5425, section 5.2); None when it is not among those allowed."""
    names = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]
    common = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    found = names or common
    if not allowed:
        return found[0] if found else "?"
    return next((name for name in found if name in allowed), None)
