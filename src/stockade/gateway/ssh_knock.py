"""What sshd starts for each connection: it asks the server that runs, and where none does, becomes the command after
it, which can do without one.

::

    python -I -S ssh_knock.py key   SOCKET COMMAND… USER KIND KEY
    python -I -S ssh_knock.py serve SOCKET COMMAND… FINGERPRINT

Two such processes start for every connection, so this is run as a file, and imports the standard library alone, and
little of that. ``carried`` and ``Heard`` serve the slow way, too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from binascii import b2a_base64
from contextlib import suppress
from struct import Struct
from threading import Event, Thread

TYPE_CHECKING = False  # as in typing, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO, Any

PACK = b"PACK\x00\x00\x00"
"""How a pack begins (gitformat-pack(5)): contents are leaving."""
KEPT = 65_536
"""Octets of a request or an answer that are looked at for references and reports."""
PIECE = 1 << 17
PATIENCE = 15.0
"""Seconds that the server may take for an answer; it asks a database, and no more."""
_PEER = Struct("3i")


class NobodyThere(Exception):
    """No server takes questions here."""


class Heard:
    """What passes between a client and Git, as far as it matters: whether contents left, and what a push has said and
    was answered. ``left`` is called when contents begin to leave.
    """

    def __init__(self, left: Callable[[], object], *, writes: bool) -> None:
        self._writes, self._left = writes, left
        self._tail: bytes | None = b""
        self.asked, self.answers = bytearray(), b""

    def ask(self, piece: bytes) -> None:
        """The client has said this."""
        self.asked += piece[: KEPT - len(self.asked)]

    def answer(self, piece: bytes) -> None:
        """Git has said this: of a push its end matters, of anything else whether contents are in it."""
        if self._writes:
            self.answers = (self.answers + piece)[-KEPT:]
        elif self._tail is not None:
            seen = self._tail + piece
            self._tail = None if PACK in seen else seen[-len(PACK) :]
            if self._tail is None:
                self._left()


class Notes:
    """Where the runner of hooks writes down how they ended: memory that only Git and what it starts can reach."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables, self.fds = dict(variables), list[int]()
        if "STOCKADE_HOOKS" in variables:
            self.fds = [os.memfd_create("hooks")]
            self.variables["STOCKADE_HOOKS_TOLD"] = str(self.fds[0])

    def taken(self) -> str:
        """All of them, at the end."""
        said = b"".join(os.pread(fd, KEPT, 0) for fd in self.fds)
        for fd in self.fds:
            os.close(fd)
        return said.rpartition(b"\n")[0].decode(errors="replace")


def carried(argv: Sequence[str], notes: Notes, heard: Heard, watch: Callable[[], str]) -> int:
    """Run Git with our input and output, telling ``heard`` what passes; its exit code. When the client goes away, so
    does Git; and when ``watch`` returns, which runs beside it, with the reason for the client. Raises OSError when Git
    is not there.
    """
    process = subprocess.Popen(
        argv,
        env=notes.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        pass_fds=notes.fds,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    Thread(target=_upload, args=(process.stdin, heard), daemon=True).start()
    Thread(target=_ended, args=(process, watch), daemon=True).start()
    try:
        _download(process.stdout, heard)
        return process.wait()
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    finally:
        _end(process)


def _ended(process: subprocess.Popen[bytes], watch: Callable[[], str]) -> None:
    if why := watch():
        say(why)
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _upload(pipe: IO[bytes], heard: Heard) -> None:
    with suppress(BrokenPipeError), pipe:
        while piece := os.read(0, PIECE):
            heard.ask(piece)
            pipe.write(piece)
            pipe.flush()


def _download(pipe: IO[bytes], heard: Heard) -> None:
    while piece := os.read(pipe.fileno(), PIECE):
        heard.answer(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(1, rest) :]


def say(text: str) -> None:
    """Tell the person at the other end."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    with suppress(OSError):
        os.write(2, f"Stockade: {shown}\n".encode())


class Server:
    """The server that runs, if one does: a line of JSON there, a line back."""

    def __init__(self, path: str) -> None:
        """Raises NobodyThere when none takes questions at the socket ``path``, or somebody else than we or root."""
        parent, _, name = path.rpartition("/")
        directory = -1
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(PATIENCE)
        try:
            directory = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            self._line.connect(f"/proc/self/fd/{directory}/{name}")  # any length of path
            peer = _PEER.unpack(self._line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[1]
        except OSError as error:
            raise NobodyThere from error
        finally:
            if directory >= 0:
                os.close(directory)
        if peer not in {0, os.geteuid()}:
            raise NobodyThere
        self._answers = self._line.makefile("rb")

    def ask(self, **asked: object) -> dict[str, Any]:
        """What it answers. Raises NobodyThere when it does not."""
        try:
            self.tell(**asked)
            return self.hear()
        except (OSError, ValueError) as error:
            raise NobodyThere from error

    def tell(self, **told: object) -> None:
        """Say something. Raises OSError when it is gone."""
        self._line.sendall(json.dumps(told).encode("ascii") + b"\n")

    def hear(self) -> dict[str, Any]:
        """What it says next. Raises ValueError when it is gone, and OSError."""
        found: dict[str, Any] = json.loads(self._answers.readline())
        return found

    def be_patient(self) -> None:
        """From now on it says something when there is something to say."""
        self._line.settimeout(None)


def key(server: Server, argv: Sequence[str]) -> int:
    """Tell sshd which command the key of a client may run, if any."""
    user, kind, offered = argv[-3:]
    line = server.ask(ask="key", user=user, kind=kind, key=offered).get("line")
    if line:
        print(line)
    return 0


def serve(server: Server, argv: Sequence[str]) -> int:
    """Serve Git to who has signed in, as long as the server says so."""
    asked = {
        "command": os.environ.get("SSH_ORIGINAL_COMMAND", ""),
        "source": os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or None,
        "protocol": os.environ.get("GIT_PROTOCOL", ""),
    }
    answer = server.ask(ask="serve", fingerprint=argv[-1], **asked)
    if "refused" in answer:
        say(answer["refused"])
        return 1
    return _transfer(server, answer)


def _transfer(server: Server, granted: Mapping[str, Any]) -> int:
    """Git, until it ends or the server has it end; what passed is told then, and on record when this returns."""
    notes = Notes(granted["variables"])
    heard, over = Heard(lambda: server.tell(left=True), writes=granted["writes"]), Event()

    def watch() -> str:
        try:
            return str(server.hear().get("end", ""))
        except (OSError, ValueError):
            return "The server has ended."
        finally:
            over.set()

    server.be_patient()
    try:
        code = carried(granted["argv"], notes, heard, watch)
        server.tell(code=code, asked=_text(heard.asked), answers=_text(heard.answers), hooks=notes.taken())
    except OSError as error:
        say(f"Git could not be served: {error.strerror}.")
        return 1
    over.wait(PATIENCE)
    return code


def _text(octets: bytes | bytearray) -> str:
    return b2a_base64(octets, newline=False).decode()


def main(argv: Sequence[str]) -> int:
    """Do it, or become the command that can do without a server."""
    verb, path, *command = argv
    try:
        return {"key": key, "serve": serve}[verb](Server(path), command)
    except NobodyThere:
        os.execv(command[0], command)  # noqa: S606  ourselves, as sshd was told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
