"""Where those who serve Git over SSH ask whether they may: a socket in the state directory, answered by one process.

Who may ask is decided by the kernel: processes of this user and of root. What was granted is looked at again twice a
second as long as it lasts; when it would not be granted any more, it is ended.
"""

from __future__ import annotations

import os
import pwd
import socket
import time
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any, BinaryIO, Final

from stockade.audit.letters import letter, listening, peer_of, read
from stockade.errors import Refused, StockadeError, Unavailable
from stockade.gateway.ssh import Granted, Shell

MOST: Final = 256
"""Connections at once."""
AGAIN: Final = 0.5
"""Seconds between two looks whether what was granted still is."""
KeyLine = Callable[[str, str], str | None]


class Door:
    """Answers at the socket ``path``, by what ``shell`` grants; ``line`` tells what sshd is told of a key."""

    def __init__(self, path: Path, shell: Shell, line: KeyLine) -> None:
        """Raises Unavailable when the socket cannot be made."""
        self._shell, self._line = shell, line
        self._free = BoundedSemaphore(MOST)
        self._going: dict[socket.socket, Granted] = {}
        self._cut: dict[socket.socket, str] = {}
        try:
            self._door = listening(path)
        except OSError as error:
            raise Unavailable(f"nobody can ask at {path}: {error.strerror}") from error

    def open(self) -> None:
        """Answer whoever asks, in threads."""
        for work in (self._welcome, self._watch):
            Thread(target=work, name="stockade-ssh", daemon=True).start()

    def _welcome(self) -> None:
        while True:
            connection, _ = self._door.accept()
            if peer_of(connection) in {0, os.geteuid()}:
                Thread(target=self._attend, args=(connection,), name="stockade-ssh", daemon=True).start()
            else:
                connection.close()

    def _attend(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError, KeyError), connection, connection.makefile("rb") as lines:
            asked = read(lines)
            if asked.get("ask") == "key":
                connection.sendall(letter(line=self._about_key(asked)))
            elif asked:
                self._serve(connection, lines, asked)

    def _about_key(self, asked: Mapping[str, Any]) -> str | None:
        """Nothing is said of other Unix accounts than our own."""
        ours = asked["user"] == pwd.getpwuid(os.geteuid()).pw_name
        try:
            return self._line(str(asked["kind"]), str(asked["key"])) if ours else None
        except StockadeError:
            return None

    # ── one client ───────────────────────────────────────────────────────────────────────────────

    def _serve(self, connection: socket.socket, lines: BinaryIO, asked: Mapping[str, Any]) -> None:
        if not self._free.acquire(blocking=False):
            return connection.sendall(letter(refused="Too many are being served. Try again in a few seconds."))
        try:
            granted = self._granted(asked)
            connection.sendall(letter(argv=granted.argv, variables=granted.variables, writes=granted.writes))
            self._going[connection] = granted
            self._hear(connection, lines, granted)
        except StockadeError as error:
            connection.sendall(letter(refused=error.message))
        finally:
            self._going.pop(connection, None)
            self._free.release()

    def _granted(self, asked: Mapping[str, Any]) -> Granted:
        source = asked["source"]
        return self._shell.grant(
            str(asked["fingerprint"]), str(asked["command"]), source=source, protocol=str(asked["protocol"])
        )

    def _hear(self, connection: socket.socket, lines: BinaryIO, granted: Granted) -> None:
        """What has become of it, until the client takes its leave, or is gone."""
        said: Mapping[str, Any] = {}
        try:
            while (said := read(lines)) and "code" not in said:
                self._shell.tell(granted, {})
        finally:
            asked, answers = (a2b_base64(str(said.get(name, ""))) for name in ("asked", "answers"))
            self._conclude(connection, granted, asked, answers, str(said.get("hooks", "")))
        with suppress(OSError):
            connection.sendall(letter(done=True))

    def _conclude(self, connection: socket.socket, granted: Granted, asked: bytes, answers: bytes, hooks: str) -> None:
        ended = self._cut.pop(connection, "")
        if granted.writes:
            self._shell.tell_push(granted, asked, answers, hooks, ended)
        elif ended:
            self._shell.tell(granted, {"reason": ended}, "refused")

    # ── all of them ──────────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        while True:
            time.sleep(AGAIN)
            for connection, granted in list(self._going.items()):
                try:
                    self._shell.look_again(granted)
                except Refused as refused:
                    self._end(connection, refused.message)
                except StockadeError:
                    continue  # who cannot be asked about goes on

    def _end(self, connection: socket.socket, why: str) -> None:
        if self._going.pop(connection, None) is not None:
            self._cut[connection] = why
            with suppress(OSError):
                connection.sendall(letter(end=why))
