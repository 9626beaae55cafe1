"""OpenSSH's server, in syslog with classic or ISO 8601 times, or as journald's JSON.

A guess becomes a request ``SSH /ssh`` with status 401, a login one with 200, and a client that does not speak SSH one
with 400, so that ``path("/ssh") & status(401)`` is a rule about it. One guess makes several lines; it is counted
once.

The user's name is the client's choice and may hold " from 192.0.2.1 port 22": the last address in a line is sshd's own.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from stockade.guard.logs.formats import stamps
from stockade.guard.logs.formats.line import MAX_NAME, Line, Read, json_object
from stockade.guard.logs.formats.stamps import Dating

PROGRAMS: Final = frozenset({"sshd", "sshd-session", "sshd-auth"})
MAX_SESSIONS: Final = 4_096
MAX_TIMES: Final = 1_000

PREFIX: Final = re.compile(r"(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{1,32}) (\S+) ")
TAG: Final = re.compile(r"([^\s\[\]:]+)(?:\[(\d+)\])?: ")
REPEATED: Final = re.compile(r"message repeated (\d{1,6}) times: \[ (.*)\]\Z")

AT: Final = r" from (\S+) port \d+"
FAILED: Final = re.compile(rf"Failed (\S+) for (invalid user )?(.*){AT}(?: ssh2)?\Z", re.DOTALL)
INVALID: Final = re.compile(r"(?:Invalid|Illegal) user (.*) from (\S+)(?: port \d+)?\Z", re.DOTALL)
ACCEPTED: Final = re.compile(rf"Accepted \S+ for (\S+){AT}(?: ssh2)?(?:: .*)?\Z", re.DOTALL)
GONE: Final = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user (.*) (\S+) port \d+"
    r"(?: \[preauth\])?\Z",
    re.DOTALL,
)
TOO_MANY: Final = re.compile(rf"(?:error: )?maximum authentication attempts exceeded for (.*){AT}.*\Z", re.DOTALL)
NOT_SSH: Final = re.compile(
    r"(?:error: )?(?:banner exchange: Connection from (\S+) port \d+: .*"
    r"|(?:Did not receive identification string|Bad protocol version identification .*) from (\S+)(?: port \d+)?)\Z",
    re.DOTALL,
)


class Message(NamedTuple):
    """One message of a program: when, by which process, and what."""

    time: float
    program: str
    process: str
    text: str


def sshd(dating: Dating) -> Read:
    """Other programs' lines, and what sshd says of no guess and no login, are passed over."""
    at = stamps.remembered(lambda text: stamps.iso(text, dating) if text[0].isdigit() else stamps.syslog(text, dating))
    guesses = Guesses()

    def read(text: str) -> Line | None:
        if text.startswith("{"):
            message = journald(text)
        else:
            prefix = PREFIX.match(text)
            if prefix is None:
                raise ValueError("not a line of syslog")
            tag = TAG.match(text, prefix.end())
            if tag is None or tag[1] not in PROGRAMS:
                return None
            message = Message(at(prefix[1]), tag[1], tag[2] or "", text[tag.end() :])
        return guesses.read(message) if message.program in PROGRAMS else None

    return read


def journald(entry_text: str) -> Message:
    """One object of ``journalctl -o json``; a message that is not text stands there as a list of bytes."""
    entry = json_object(entry_text)
    try:
        said = entry["MESSAGE"]
        time = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        text = bytes(said).decode("utf-8", "replace") if isinstance(said, list) else str(said)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("not an entry of the journal") from error
    return Message(time, str(entry.get("SYSLOG_IDENTIFIER", "")), str(entry.get("_PID", "")), text)


class Guesses:
    """Reads sshd's messages, and remembers of the latest processes whether a guess was already counted.

    ``_counted`` tells for a process whether its next "Failed" line repeats the "Invalid user" line before it.
    """

    def __init__(self) -> None:
        self._counted: dict[str, bool] = {}

    def read(self, message: Message) -> Line | None:
        """The guess or the login that a message tells of, None when it tells of neither."""
        text, times = message.text, 1
        repeated = REPEATED.match(text)
        if repeated:
            times, text = min(int(repeated[1]), MAX_TIMES), repeated[2]
        line = self._guess(message, text) or self._login(message, text) or _stranger(message, text)
        return line._replace(times=times) if line else None

    def _guess(self, message: Message, text: str) -> Line | None:
        if failed := FAILED.match(text):
            return self._failed(message, failed)
        if invalid := INVALID.match(text):
            self._remember(message.process, repeats=True)
            return _guess(message, invalid[1], invalid[2])
        if (gone := GONE.match(text) or TOO_MANY.match(text)) and message.process not in self._counted:
            self._remember(message.process, repeats=False)
            return _guess(message, gone[1].removeprefix("invalid user "), gone[2])
        return None

    def _failed(self, message: Message, failed: re.Match[str]) -> Line | None:
        how, invalid, user, address = failed.groups()
        if how in {"none", "publickey"}:
            return None  # a client asks what is allowed, or offers its keys one by one
        repeats = self._counted.get(message.process, False)
        self._remember(message.process, repeats=False)
        return None if repeats and invalid else _guess(message, user, address)

    def _login(self, message: Message, text: str) -> Line | None:
        accepted = ACCEPTED.match(text)
        if accepted is None:
            return None
        user = accepted[1][:MAX_NAME]
        return Line(message.time, accepted[2], "SSH", "/ssh", 200, user, user, "success")

    def _remember(self, process: str, *, repeats: bool) -> None:
        if not process:
            return
        self._counted.pop(process, None)
        if len(self._counted) >= MAX_SESSIONS:
            del self._counted[next(iter(self._counted))]
        self._counted[process] = repeats


def _guess(message: Message, user: str, address: str) -> Line:
    return Line(message.time, address, "SSH", "/ssh", 401, user[:MAX_NAME] or "-", None, "failure")


def _stranger(message: Message, text: str) -> Line | None:
    found = NOT_SSH.match(text)
    return Line(message.time, found[1] or found[2], "SSH", "/ssh", 400) if found else None
