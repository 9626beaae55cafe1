"""A TLS connection with a deadline for whole steps, not for single reads: a peer that dribbles gains no time."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from stockade.audit.sinks.settings import SinkSettings
from stockade.errors import ConfigurationError, Refused, Unavailable

CHUNK: Final = 1 << 16
BREATH: Final = 0.25
"""Seconds until a refused certificate is heard of: under TLS 1.3 the client's handshake has succeeded before that."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the other side, how one knows it, and how long a step with it may take, in seconds."""

    host: str
    port: int
    name: str
    context: ssl.SSLContext
    deadline: float

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def peer_of(settings: SinkSettings, host: str | None, port: int | None, usual_port: int) -> Peer:
    """The other side of a sink. Raises ConfigurationError when certificates cannot be read."""
    if not host:
        raise ConfigurationError("the URL of a sink names no host", remedy="Write it as scheme://host:port.")
    name = settings.server_name or host
    return Peer(host, port or usual_port, name, tls_context(settings), settings.deadline)


def tls_context(settings: SinkSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, the other side's certificate checked, and ours shown where there is one (RFC 9325)."""
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(each) for each in (settings.ca, settings.certificate, settings.key) if each)
        raise ConfigurationError(f"the certificates cannot be used: {error}", remedy=f"Look at {files}.") from error
    return context


class Connection:
    """An open connection. Every error of it is Unavailable, but for a certificate that is not accepted: Refused."""

    def __init__(self, peer: Peer) -> None:
        """Connect. Raises Unavailable and Refused."""
        self._peer = peer
        self._end = 0.0
        with self.step():
            plain = socket.create_connection((peer.host, peer.port), self._left())
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                plain.settimeout(self._left())
                self._socket = peer.context.wrap_socket(plain, server_hostname=peer.name)
            except BaseException:
                plain.close()
                raise

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step that must end before the deadline."""
        self._end = time.monotonic() + self._peer.deadline
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise Refused(f"{self._peer} shows a certificate that is not trusted: {error.verify_message}") from error
        except ssl.SSLError as error:
            said = (error.reason or str(error)).replace("_", " ").lower()
            message = f"{self._peer} does not accept this side: {said}"
            raise Refused(message, remedy="Does the other side permit this certificate?") from error
        except TimeoutError as error:
            raise Unavailable(f"{self._peer} did not answer within {self._peer.deadline:g} s") from error
        except OSError as error:
            raise Unavailable(f"{self._peer} is away: {error.strerror or error}") from error

    def send(self, data: bytes) -> None:
        """Hand octets to the kernel; within a step."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._left())
            rest = rest[self._socket.send(rest[:CHUNK]) :]

    def receive(self) -> bytes:
        """Some octets; within a step. Raises Unavailable when the other side has hung up."""
        self._socket.settimeout(self._left())
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionResetError(None, "it has closed the connection")
        return data

    def listen(self, seconds: float) -> None:
        """Notice whether the other side has hung up or complains, waiting at most this long; within a step."""
        self._socket.settimeout(seconds)
        with suppress(TimeoutError, ssl.SSLWantReadError):
            self.receive_now(seconds)

    def receive_now(self, seconds: float) -> bytes:
        """What comes within ``seconds``; within a step."""
        self._socket.settimeout(max(0.001, seconds))
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionResetError(None, "it has closed the connection")
        return data

    def close(self) -> None:
        """Hang up. Does not raise, and does not wait."""
        with suppress(OSError):
            self._socket.settimeout(0.2)
            self._socket.unwrap()
        self._socket.close()

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
