"""A connection for those who wait: one question at a time, and an end to the waiting."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from errno import ECONNRESET
from os import strerror
from time import monotonic
from typing import Final

from hiredis import ProtocolError, Reader

from stockade.errors import Unavailable
from stockade.guard.redis.faults import late, lost
from stockade.guard.redis.greeting import Reply, Talk
from stockade.guard.redis.url import Address, Target

CHUNK: Final = 65536
INSTANT: Final = 1e-4
"""The least time to wait: a socket takes 0 for "do not wait at all"."""


class Line:
    """One socket. Every failure closes it and is an Unavailable; ``end`` is on the monotonic clock."""

    __slots__ = ("_deadline", "_reader", "_socket", "address", "reused")

    def __init__(self, target: Target, address: Address, end: float, deadline: float) -> None:
        self.address = address
        self._deadline = deadline
        self._reader = Reader()
        self.reused = False
        try:
            self._socket = connect(target, address, end)
        except TimeoutError:
            raise late(address, deadline) from None
        except OSError as error:
            raise lost(address, error) from None

    def greet(self, talk: Talk, end: float) -> None:
        """Hold a conversation to its end."""
        try:
            commands = next(talk)
            while True:
                commands = talk.send(self.ask(commands, end))
        except StopIteration:
            return
        except BaseException:
            self.close()
            raise

    def ask(self, commands: Sequence[bytes], end: float) -> list[Reply]:
        """Send commands together; answer their replies."""
        self.send(b"".join(commands), end)
        return [self.receive(end) for _ in commands]

    def send(self, message: bytes, end: float) -> None:
        """Send commands; each has a reply to be received."""
        try:
            self._socket.settimeout(max(end - monotonic(), INSTANT))
            self._socket.sendall(message)
        except (OSError, ProtocolError) as error:
            raise self._failed(error) from None
        except BaseException:
            self.close()
            raise

    def receive(self, end: float) -> Reply:
        """The reply to the oldest command that has none."""
        reader = self._reader
        try:
            while (reply := reader.gets()) is False:
                self._socket.settimeout(max(end - monotonic(), INSTANT))
                data = self._socket.recv(CHUNK)
                if not data:
                    raise ConnectionResetError(ECONNRESET, strerror(ECONNRESET))  # noqa: TRY301  told as any other loss
                reader.feed(data)
        except (OSError, ProtocolError) as error:
            raise self._failed(error) from None
        except BaseException:
            self.close()
            raise
        return reply

    def _failed(self, error: OSError | ProtocolError) -> Unavailable:
        """Hang up, since a late reply would be taken for another's; answer what to raise."""
        self.close()
        return late(self.address, self._deadline) if isinstance(error, TimeoutError) else lost(self.address, error)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def connect(target: Target, address: Address, end: float) -> socket.socket:
    """A connected socket, through TLS where the URL asks for it."""
    left = max(end - monotonic(), INSTANT)
    if not address.port:
        unix = socket.socket(socket.AF_UNIX)
        unix.settimeout(left)
        try:
            unix.connect(address.host)
        except OSError:
            unix.close()
            raise
        return unix
    plain = socket.create_connection(address, left)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if target.tls is None:
        return plain
    try:
        plain.settimeout(max(end - monotonic(), INSTANT))
        return target.tls.wrap_socket(plain, server_hostname=address.host)
    except OSError:
        plain.close()
        raise
