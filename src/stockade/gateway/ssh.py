"""Git over SSH behind OpenSSH's server: which keys it lets in, and what their holders may ask for.

sshd asks twice. ``authorized_keys`` answers its ``AuthorizedKeysCommand`` with a line that lets a known key run one
command and nothing else (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"); that command does what ``Shell`` allows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.directory import Action, BadName, BuiltinDirectory
from stockade.directory.builtin.by_key import KeyHolder
from stockade.directory.names import project_path
from stockade.errors import Refused
from stockade.events import Event, Outcome, Ref
from stockade.gateway.git_hooks import Hooks, events
from stockade.gateway.git_record import references, taken
from stockade.gateway.git_settings import surroundings

SERVICES: Final[Mapping[str, Action]] = {"git-upload-pack": "read", "git-receive-pack": "write"}
LONGEST: Final = 1024
_COMMAND: Final = re.compile(r"(?P<service>git-upload-pack|git-receive-pack) '/?(?P<path>[^']{1,300})'")
_KIND: Final = re.compile(r"[a-z0-9][a-z0-9@.-]{1,63}")
_PROTOCOL: Final = re.compile(r"version=[0-2]")


class NotServed(Refused):
    """What was asked for is not served to who asked; the message is for them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks of Git: a project's canonical path, the service, and what has to be allowed for it."""

    project: str
    service: str
    action: Action


def asked_for(command: str) -> Asked:
    """What is asked for by the command that a client gave. Raises NotServed for anything that is not Git's."""
    match = _COMMAND.fullmatch(command) if len(command) <= LONGEST else None
    if match is None:
        raise NotServed("Only Git is served here: git clone, fetch and push.", remedy="There is no shell.")
    service = match["service"]
    try:
        return Asked(project_path(match["path"]), service, SERVICES[service])
    except BadName as error:
        raise _no_repository() from error


def fingerprint_of(key: str) -> str | None:
    """The fingerprint of a public key in base64, as OpenSSH prints it; None when it is none."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def authorized_keys(
    directory: BuiltinDirectory, kind: str, key: str, now: float, *, command: Sequence[str]
) -> str | None:
    """The line that lets this key run ``command``, with its fingerprint after it, and nothing else; None when the key
    opens nothing.
    """
    fingerprint = fingerprint_of(key)
    if fingerprint is None or not _KIND.fullmatch(kind) or not directory.knows_key(fingerprint, now):
        return None
    forced = shlex.join([*command, fingerprint]).replace("\\", "\\\\").replace('"', '\\"')
    return f'restrict,command="{forced}" {kind} {key}'


@dataclass(frozen=True, slots=True)
class Granted:
    """What a client may do now: what it asked for, whose key it showed, from where, and which command of Git does it in
    which environment.
    """

    asked: Asked
    holder: KeyHolder
    source: str | None
    argv: Sequence[str]
    variables: Mapping[str, str]

    @property
    def writes(self) -> bool:
        """Whether it is a push."""
        return self.asked.action == "write"


@dataclass(frozen=True)
class Shell:
    """What a client finds behind its key: Git, for the repositories below ``root``. ``record`` hears what is read and
    written; ``banned`` says whether an account or an address is; ``hooks`` are run at a push.
    """

    directory: BuiltinDirectory
    root: Path
    record: Callable[[Event], None]
    clock: Callable[[], float]
    banned: Callable[[str, str | None], bool] = lambda _name, _source: False
    hooks: Hooks | None = None

    def grant(self, fingerprint: str, command: str, *, source: str | None, protocol: str = "") -> Granted:
        """What the client asked for, when it may have it. ``protocol`` is what it said in ``GIT_PROTOCOL``.

        Raises NotServed, UnknownCredentials and AccountBlocked, with a message for the client.
        """
        if not command:
            holder = self._let_in(fingerprint, None, source)
            raise NotServed(f"Welcome, {holder.name}. There is no shell here, only Git.", remedy="")
        asked = asked_for(command)
        holder = self._let_in(fingerprint, asked.project, source)
        repository = self._repository(holder, asked)
        variables = surroundings(self.root)
        if _PROTOCOL.fullmatch(protocol):
            variables["GIT_PROTOCOL"] = protocol
        if asked.action == "write" and self.hooks is not None:
            variables |= self.hooks.variables(asked.project, holder.name, source)
        argv = ("git", asked.service.removeprefix("git-"), str(repository))
        return Granted(asked, holder, source, argv, variables)

    def look_again(self, granted: Granted) -> None:
        """Raises Refused when it would not be granted any more: who is blocked is cut off."""
        holder, asked = granted.holder, granted.asked
        found = self.directory.key_holder(holder.key.fingerprint or "", asked.project, self.clock())
        self._refuse_banned(found, granted.source)
        self._repository(found, asked)

    def tell(self, granted: Granted, details: Mapping[str, object], outcome: Outcome = "success") -> None:
        """Have it on record."""
        target, holder = Ref("stockade", "project", granted.asked.project), granted.holder
        told = {"credential": str(holder.key.ref), "over": "ssh", **details}
        action = f"repository.{granted.asked.action}"
        self.record(Event(self.clock(), action, holder.ref, target, granted.source, outcome, told))

    def tell_push(self, granted: Granted, asked: bytes, answers: bytes, hooks: str, ended: str = "") -> None:
        """Have a push on record by what was said and answered: which references it changed, and whether Git took it;
        ``hooks`` is what their runner has told, and ``ended`` why it was cut off.
        """
        for event in events(hooks, granted.holder.ref, granted.asked.project, granted.source, self.clock()):
            self.record(event)
        details = {**references(asked), **({"reason": ended} if ended else {})}
        if details:
            self.tell(granted, details, "refused" if ended else "success" if taken(answers) else "failure")

    def _let_in(self, fingerprint: str, project: str | None, source: str | None) -> KeyHolder:
        holder = self.directory.authenticate_key(fingerprint, project, self.clock(), source=source)
        self._refuse_banned(holder, source)
        return holder

    def _refuse_banned(self, holder: KeyHolder, source: str | None) -> None:
        if self.banned("" if holder.account is None else holder.account.name, source):
            raise NotServed("This account or this address is banned.", remedy="Ask an administrator why.")

    def _repository(self, holder: KeyHolder, asked: Asked) -> Path:
        """Where it is: nobody is told whether a project exists that they may not read."""
        if asked.action not in holder.may:
            if "read" in holder.may:
                raise NotServed("You may read this repository, not write to it.", remedy="Ask for more rights.")
            raise _no_repository()
        repository = self.root / f"{asked.project}.git"
        if not repository.is_dir():
            raise _no_repository()
        return repository


def _no_repository() -> NotServed:
    return NotServed("There is no such repository.", remedy="Look at its path.")


def sshd_lines(user: str, command: Sequence[str]) -> str:
    """What to put into sshd_config(5) for the Unix account that Git's users sign in as."""
    return f"""\
# Git over SSH: {user}@host:group/project.git, with the keys that Stockade knows.
AcceptEnv GIT_PROTOCOL
Match User {user}
    AuthorizedKeysFile none
    AuthorizedKeysCommand {shlex.join(command)} %u %t %k
    AuthorizedKeysCommandUser {user}
    AuthenticationMethods publickey
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    DisableForwarding yes
    PermitTTY no
    X11Forwarding no
Match all
"""
