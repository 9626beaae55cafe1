"""What the programs of a Unix machine say: sshd, sudo and PAM are understood, of others the message is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from stockade.events import Event, Ref
from stockade.intake import foreign
from stockade.intake.formats.sudo import command
from stockade.intake.tables import table
from stockade.intake.taken import Taken
from stockade.lines.sshd import PROGRAMS, Guesses
from stockade.lines.syslog import REPEATED, Message

MOST: Final = 1_000
"""Events that a line which tells of repetitions becomes at most."""
SESSION: Final = re.compile(r"pam_\w+\(([\w.-]+):session\): session (opened|closed) for user ([^\s(]+)")
FAILED: Final = re.compile(r"pam_\w+\(([\w.-]+):auth\): authentication failure; (.*)\Z", re.DOTALL)
FIELD: Final = re.compile(r"\b(user|rhost|tty|ruser)=(\S*)")
SEVERITIES: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")


class Said(NamedTuple):
    """What a message was found to say: its kind in the table, and by whom, to what, from where."""

    name: str
    user: str | None = None
    target: str | None = None
    source: str | None = None
    more: dict[str, object] = {}  # noqa: RUF012  never written to


class Unix:
    """Reads messages; it remembers of the latest connections of sshd whether their guess was counted."""

    def __init__(self) -> None:
        self._guesses = Guesses()

    def read(self, message: Message) -> Sequence[Taken]:
        """The event of a message; several where it tells of repetitions."""
        repeated = REPEATED.match(message.text)
        if repeated is None:
            return [Taken(_event(message, self._said(message)))]
        times, message = int(repeated[1]), message._replace(text=repeated[2])
        shown = [self._said(message) for _ in range(min(times, MOST))]
        return [Taken(_event(message, each, times)) for each in shown]

    def _said(self, message: Message) -> Said:
        program = message.program.rpartition("/")[2]
        if message.text.startswith("pam_") and (said := _pam(message.text, program)):
            return said
        if program in PROGRAMS:
            guess = self._guesses.read(message.process, message.text)
            return Said(guess.kind, guess.user, None, guess.address, {**guess.more})
        if program == "sudo" and (ran := command(message.text)):
            return Said(ran.name, ran.user, ran.target, None, ran.more)
        return Said("message")


def _pam(text: str, program: str) -> Said | None:
    if found := SESSION.match(text):
        return Said(f"pam: session {found[2]}", found[3], more={"service": found[1]})
    if found := FAILED.match(text):
        told = dict(FIELD.findall(found[2]))
        name = "sshd: the same guess" if program in PROGRAMS else "pam: authentication failure"
        return Said(name, told.get("user") or told.get("ruser"), None, told.get("rhost"), {"service": found[1]})
    return None


def _event(message: Message, said: Said, times: int = 1) -> Event:
    meaning = table("unix").meaning(said.name)
    details = foreign.fields(
        type=said.name,
        host=message.host,
        program=message.program,
        process=message.process,
        severity=SEVERITIES[message.level & 7] if message.level >= 0 else None,
        message=message.text,
        message_id=message.kind,
        structured=message.structured,
        times=times if times > 1 else None,
        **said.more,
    )
    machine = foreign.ref("host", "machine", message.host)
    target: Ref | None = foreign.ref("host", "user", said.target) if said.target else machine
    outcome = "unknown" if meaning.action == "message" else meaning.outcome
    source = foreign.address(said.source)
    return Event(message.time, meaning.action, foreign.ref("host", "user", said.user), target, source, outcome, details)
