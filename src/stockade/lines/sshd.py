"""What OpenSSH's server says of guesses and sign-ins.

One guess makes several lines; it is a failure once. Where only keys are allowed, the connection that ends without a
sign-in is the guess. A key that is refused is told only at ``LogLevel VERBOSE``, and honest clients offer several: it
is a failure with ``method: publickey``, or no guess at all, as whoever reads likes it.

The user's name is the client's choice and may hold " from 192.0.2.1 port 22": the last address in a line is sshd's own.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

PROGRAMS: Final = frozenset({"sshd", "sshd-session", "sshd-auth"})
MAX_SESSIONS: Final = 4_096

AT: Final = r" from (\S+) port (\d+)"
FAILED: Final = re.compile(rf"Failed (\S+) for (invalid user )?(.*){AT}(?: ssh2)?(?:: (.*))?\Z", re.DOTALL)
INVALID: Final = re.compile(r"(?:Invalid|Illegal) user (.*) from (\S+)(?: port (\d+))?\Z", re.DOTALL)
ACCEPTED: Final = re.compile(rf"Accepted (\S+) for (\S+){AT}(?: ssh2)?(?:: (.*))?\Z", re.DOTALL)
GONE: Final = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user (.*) (\S+) port (\d+)"
    r"(?: \[preauth\])?\Z",
    re.DOTALL,
)
TOO_MANY: Final = re.compile(rf"(?:error: )?maximum authentication attempts exceeded for (.*){AT}.*\Z", re.DOTALL)
NOT_SSH: Final = re.compile(
    r"(?:error: )?(?:banner exchange: Connection from (\S+) port \d+: .*"
    r"|(?:Did not receive identification string|Bad protocol version identification .*) from (\S+)(?: port \d+)?)\Z",
    re.DOTALL,
)
LEFT: Final = re.compile(
    r"(?:Received disconnect|Disconnected|Connection closed) (?:from|by) (?:user (\S+) )?(\S+) port \d+"
)


class Said(NamedTuple):
    """The kind of a message, whom and from which address it is about, and what else it says."""

    kind: str
    user: str | None = None
    address: str | None = None
    more: dict[str, str] = {}  # noqa: RUF012  never written to


class Guesses:
    """Reads messages, and remembers of the latest processes whether a guess was already counted.

    ``no_guess`` are the methods that are none: with ``none`` a client asks what is allowed. ``_counted`` tells for a
    process whether its next "Failed" line repeats the "Invalid user" line before it.
    """

    def __init__(self, no_guess: frozenset[str] = frozenset({"none"})) -> None:
        self._no_guess = no_guess
        self._counted: dict[str, bool] = {}

    def read(self, process: str, text: str) -> Said:
        """What a message says; any text whatever is at least a message."""
        if found := ACCEPTED.match(text):
            return _said("sshd: accepted", found[2], found[3], method=found[1], port=found[4], key=found[5])
        return self._guess(process, text) or _stranger(text)

    def _guess(self, process: str, text: str) -> Said | None:
        if found := FAILED.match(text):
            return self._failed(process, found)
        if found := INVALID.match(text):
            self._remember(process, repeats=True)
            return _said("sshd: invalid user", found[1], found[2], port=found[3])
        found, name = GONE.match(text), "sshd: gone before signing in"
        if found is None:
            found, name = TOO_MANY.match(text), "sshd: too many failures"
        if found is None:
            return None
        if process in self._counted:
            name = "sshd: the same guess"
        self._remember(process, repeats=False)
        return _said(name, found[1].removeprefix("invalid user "), found[2], port=found[3])

    def _failed(self, process: str, found: re.Match[str]) -> Said:
        how, invalid, user, address, port, key = found.groups()
        repeats = bool(invalid) and self._counted.get(process, False)
        name = "sshd: the same guess" if repeats else "sshd: failed"
        if how in self._no_guess:
            name = "sshd: message"
        else:
            self._remember(process, repeats=False)
        return _said(name, user, address, method=how, port=port, key=key)

    def _remember(self, process: str, *, repeats: bool) -> None:
        if not process:
            return
        self._counted.pop(process, None)
        if len(self._counted) >= MAX_SESSIONS:
            del self._counted[next(iter(self._counted))]
        self._counted[process] = repeats


def _said(kind: str, user: str | None, address: str | None, **more: str | None) -> Said:
    return Said(kind, user, address, {key: each for key, each in more.items() if each})


def _stranger(text: str) -> Said:
    if found := NOT_SSH.match(text):
        return Said("sshd: not ssh", None, found[1] or found[2])
    if found := LEFT.match(text):
        return Said("sshd: message", found[1], found[2])
    return Said("sshd: message")
