"""OpenSSH's server, in syslog of any kind, or as journald's JSON.

A guess becomes a request ``SSH /ssh`` with status 401, a login one with 200, and a client that does not speak SSH one
with 400, so that ``path("/ssh") & status(401)`` is a rule about it. One guess makes several lines; it is counted once,
and keys that a client offers one by one are none.
"""

from __future__ import annotations

from typing import Final

from stockade.guard.logs.formats.line import MAX_NAME, Line, Read
from stockade.lines.sshd import PROGRAMS, Guesses, Said
from stockade.lines.stamps import Dating
from stockade.lines.syslog import REPEATED, Message, envelope, journal

MAX_TIMES: Final = 1_000
NO_GUESS: Final = frozenset({"none", "publickey"})
STATUSES: Final = {
    "sshd: accepted": 200,
    "sshd: failed": 401,
    "sshd: invalid user": 401,
    "sshd: gone before signing in": 401,
    "sshd: too many failures": 401,
    "sshd: not ssh": 400,
}


def sshd(dating: Dating) -> Read:
    """Other programs' lines, and what sshd says of no guess and no login, are passed over."""
    unwrapped, guesses = envelope(dating), Guesses(NO_GUESS)

    def read(text: str) -> Line | None:
        message = journal(text)[0] if text.startswith("{") else unwrapped(text)
        return _line(message, guesses) if message.program.rpartition("/")[2] in PROGRAMS else None

    return read


def _line(message: Message, guesses: Guesses) -> Line | None:
    text, times = message.text, 1
    if repeated := REPEATED.match(text):
        times, text = min(int(repeated[1]), MAX_TIMES), repeated[2]
    said = guesses.read(message.process, text)
    status = STATUSES.get(said.kind)
    return _request(message.time, said, status)._replace(times=times) if status else None


def _request(time: float, said: Said, status: int) -> Line:
    address, user = said.address or "", (said.user or "")[:MAX_NAME]
    if status == 200:
        return Line(time, address, "SSH", "/ssh", status, user, user, "success")
    if status == 401:
        return Line(time, address, "SSH", "/ssh", status, user or "-", None, "failure")
    return Line(time, address, "SSH", "/ssh", status)
