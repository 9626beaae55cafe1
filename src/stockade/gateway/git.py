"""Git over HTTP: who may clone, fetch and push, decided before a byte of the body is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from starlette.responses import PlainTextResponse, Response

from stockade.directory import Action, Authenticated, BadName, UnknownCredentials
from stockade.directory.names import project_path
from stockade.errors import Refused, Unavailable
from stockade.events import Event, Outcome, Ref
from stockade.gateway import git_backend
from stockade.gateway.git_hooks import Hooks, events
from stockade.gateway.git_record import Told, Writing, reading
from stockade.gateway.identity import Visitors
from stockade.gateway.lasting import Answer, as_long_as_allowed
from stockade.gateway.ssh_knock import Notes
from stockade.gateway.threads import queried
from stockade.gateway.turns import TooMany, Turns
from stockade.guard.asgi import Receive, Scope, Send
from stockade.guard.paths import normal
from stockade.guard.request import parameters

ENDPOINT: Final = re.compile(r"/(?P<project>.{1,255}?)(?:\.git)?/(?P<verb>info/refs|git-upload-pack|git-receive-pack)")
METHODS: Final = {"info/refs": "GET", "git-upload-pack": "POST", "git-receive-pack": "POST"}
SERVICES: Final[Mapping[str, Action]] = {"git-upload-pack": "read", "git-receive-pack": "write"}
EACH, TOGETHER = 32, 256
"""Processes of Git at once, for one client and for all: a client that dawdles keeps its own for as long."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a Git client asks for: a project's canonical path, the endpoint below it, the service behind that, and what
    has to be allowed. Git is told these and not what the client wrote, which it might read in another way.
    """

    project: str
    verb: str
    service: str
    action: Action


def wanted(scope: Scope) -> Wanted | None:
    """What is asked of Git by this request; None when it is about something else."""
    match = ENDPOINT.fullmatch(normal(scope["path"]))
    if match is None:
        return None
    verb = match["verb"]
    service = verb if verb in SERVICES else _service(scope["query_string"])
    try:
        project = project_path(match["project"])
    except BadName:
        return None
    return Wanted(project, verb, service, SERVICES.get(service, "read"))


def _service(query: bytes) -> str:
    return next(parameters(query.decode("latin-1"), "service"), "")


class Git:
    """Serves the bare repositories below ``root``, each at ``PROJECT.git``."""

    def __init__(self, visitors: Visitors, root: Path, hooks: Hooks | None = None) -> None:
        self.visitors, self.root, self.hooks = visitors, root, hooks
        self.turns = Turns("repositories are being read or written", each=EACH, together=TOGETHER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = wanted(scope)
        if asked is None:
            return await refusal(404, "There is no such repository.")(scope, receive, send)
        if scope["method"] != METHODS[asked.verb]:
            return await refusal(405, "This is not how Git asks.", allow=METHODS[asked.verb])(scope, receive, send)
        try:
            who = await self.visitors.authenticate(scope)
        except (Refused, Unavailable) as error:
            return await _not_let_in(error)(scope, receive, send)
        refused = await self._refused(who, asked)
        if refused is not None:
            return await refused(scope, receive, send)
        return await self._serve(asked, who, scope, receive, send)

    async def _serve(
        self, asked: Wanted, who: Authenticated | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have Git do it, as long as it may be done."""
        notes, answer = Notes(await self._variables(asked, who, scope)), Answer(send)
        told, why = self._telling(asked, who, scope), ""
        try:
            with self.turns.taken(self.visitors.client(scope).key):
                serving = _served(asked, notes, receive, answer.send, told=told)
                why = await as_long_as_allowed(partial(self._forbidden, asked, who), serving)
        except TooMany as error:
            await _not_let_in(error)(scope, receive, send)
        finally:
            self._tell_hooks(asked, who, scope, notes)
        if why:
            told({"reason": why}, "refused")
            await answer.end(refusal(403, why), scope, receive)

    async def _variables(self, asked: Wanted, who: Authenticated | None, scope: Scope) -> Mapping[str, str]:
        user, source = who.account.name if who else "", self.visitors.source(scope)
        variables = git_backend.environment(
            scope,
            root=self.root,
            path=f"/{asked.project}.git/{asked.verb}",
            query=urlencode({"service": asked.service}) if asked.verb == "info/refs" and asked.service else "",
            user=user,
            address=source,
        )
        if asked.verb != "git-receive-pack" or self.hooks is None:
            return variables
        return variables | await queried(self.hooks.variables, asked.project, user, source)

    def _tell_hooks(self, asked: Wanted, who: Authenticated | None, scope: Scope, notes: Notes) -> None:
        actor, source, now = who.account.ref if who else None, self.visitors.source(scope), self.visitors.clock()
        for event in events(notes.taken(), actor, asked.project, source, now):
            self.visitors.record(event)

    async def _forbidden(self, asked: Wanted, who: Authenticated | None) -> str:
        """Why it would not be allowed any more; empty when it would, and when nobody can be asked."""
        directory, clock = self.visitors.directory, self.visitors.clock
        try:
            if who is not None:
                await queried(directory.look_again, who, clock())
                await self.visitors.refuse_banned(who)
            may = await queried(directory.allowed, who, asked.project)
        except Refused as error:
            return error.message
        except Unavailable:
            return ""
        return "" if asked.action in may else "You may not do this any more."

    def _telling(self, asked: Wanted, who: Authenticated | None, scope: Scope) -> Told:
        """Who did it, to what, from where: for the record."""
        actor, by = (who.account.ref, {"credential": str(who.by.ref)}) if who else (None, {})
        target, source = Ref("stockade", "project", asked.project), self.visitors.source(scope)

        def told(details: Mapping[str, object], outcome: Outcome = "success") -> None:
            now, action = self.visitors.clock(), f"repository.{asked.action}"
            self.visitors.record(Event(now, action, actor, target, source, outcome, {**by, **details}))

        return told

    async def _refused(self, who: Authenticated | None, asked: Wanted) -> Response | None:
        """Why not: nobody is told whether a project exists that they may not read."""
        may = await queried(self.visitors.directory.allowed, who, asked.project)
        if asked.action in may:
            return None
        if who is None:
            return challenge("Who are you? Use a password or a personal access token.")
        if "read" in may:
            return refusal(403, "You may read this repository, not write to it.")
        return refusal(404, "There is no such repository.")


async def _served(asked: Wanted, notes: Notes, receive: Receive, send: Send, *, told: Told) -> None:
    """Hand over to Git, and record what was done: contents as they begin to leave, a push when it has ended."""
    if asked.verb == "git-upload-pack":
        return await git_backend.serve(notes.variables, receive, reading(send, told))
    if asked.verb != "git-receive-pack":
        return await git_backend.serve(notes.variables, receive, send)
    writing = Writing(receive, send)
    try:
        return await git_backend.serve(notes.variables, writing.receive, writing.send, notes.fds)
    finally:
        if details := writing.details():
            told(details, "success" if writing.succeeded() else "failure")


def _not_let_in(error: Refused | Unavailable) -> Response:
    if isinstance(error, UnknownCredentials):
        return challenge(error.message)
    if isinstance(error, Unavailable):
        return refusal(503, error.message, **{"retry-after": "5"})
    return refusal(403, error.message)


def challenge(text: str) -> Response:
    """Ask for credentials (RFC 7617)."""
    return refusal(401, text, **{"www-authenticate": 'Basic realm="Stockade", charset="UTF-8"'})


def refusal(status: int, text: str, **headers: str) -> Response:
    """A refusal in words that ``git`` shows to its user."""
    return PlainTextResponse(f"{text}\n", status, {"cache-control": "no-store", **headers})
