"""What acts by itself: webhooks, Git hooks on the server, mirrors and schedules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select, update

from stockade.directory.accounts import SYSTEM, Credential, Integration
from stockade.directory.builtin.held import Held, facts
from stockade.directory.builtin.holdings import HOLDINGS
from stockade.directory.builtin.register import Change, usable_account
from stockade.directory.builtin.schema import githooks
from stockade.directory.names import label, place_path, project_path
from stockade.directory.refusals import BadName
from stockade.errors import ConfigurationError
from stockade.events import Ref

GIT_HOOKS: Final = ("pre-receive", "update", "post-receive")
"""The hooks that Git runs where it is pushed to (githooks(5))."""
LONGEST_HOOK: Final = 65_536
LONGEST_URL: Final = 2_048


@dataclass(frozen=True, slots=True)
class Hook:
    """A Git hook that is in force: at what it is run, and the digest of its program, in hexadecimal."""

    ref: Ref
    name: str
    sha256: str


class Automation(Held):
    """The webhooks, Git hooks, mirrors and schedules of the directory."""

    def add_webhook(
        self, place: str, url: str, *, secret: str | None = None, events: Iterable[str] = (), by: Ref | None = None
    ) -> Credential:
        """Have a project, a group or, with ``""``, the instance tell an address what happens; with ``secret`` it can
        tell who tells it. Raises BadName.
        """
        values = {"place": place_path(place), "url": _url(url, "http", "https"), "events": " ".join(map(label, events))}
        with self._changing() as change:
            hook = self._make_credential(change, "webhook", by, values)
            self._seal(change, hook, secret)
            change.say("webhook.add", hook.ref, by=by, host=urlsplit(url).hostname, **facts(hook))
        return hook

    def add_githook(self, place: str, name: str, content: str, *, by: Ref | None = None) -> Integration:
        """Have Git run a program at every push to a project. Raises BadName and ConfigurationError."""
        if name not in GIT_HOOKS:
            raise BadName("a Git hook", f"One of {', '.join(GIT_HOOKS)}.")
        if not content.startswith("#!") or len(content) > LONGEST_HOOK:
            raise ConfigurationError(
                "This is no program.", remedy=f"Begin it with #!; at most {LONGEST_HOOK} characters."
            )
        values = {"place": project_path(place), "name": name, "content": content}
        with self._changing() as change:
            return self._enter_integration(change, "githook", "githook.change", by, values)

    def hooks(self, path: str) -> list[Hook]:
        """The Git hooks of a project that are in force, the oldest first: neither paused nor removed."""
        live = githooks.c.revoked.is_(None) & githooks.c.paused.is_(None)
        query = select(githooks).where(githooks.c.place == path, live).order_by(githooks.c.id)
        with self._database.reading() as sql:
            rows = sql.execute(query).all()
        return [
            Hook(Ref(SYSTEM, "githook", str(row.id)), row.name, sha256(row.content.encode()).hexdigest())
            for row in rows
        ]

    def add_mirror(
        self, place: str, url: str, *, secret: str | None = None, pushes: bool = False, by: Ref | None = None
    ) -> Credential:
        """Have a project copied from an address or, if it ``pushes``, to it, with ``secret`` as the password there.

        Raises BadName.
        """
        values = {"place": project_path(place), "url": _url(url, "https", "ssh"), "pushes": pushes}
        with self._changing() as change:
            mirror = self._make_credential(change, "mirror", by, values)
            self._seal(change, mirror, secret)
            change.say("mirror.add", mirror.ref, by=by, host=urlsplit(url).hostname, pushes=pushes, **facts(mirror))
        return mirror

    def add_schedule(self, place: str, owner: str, name: str, cron: str, *, by: Ref | None = None) -> Integration:
        """Have a project's pipeline run again and again with the rights of ``owner``; ``cron`` says when, as crontab(5)
        does. Raises BadName, UnknownAccount and AccountBlocked.
        """
        if len(cron.split()) != 5:
            raise BadName("when a schedule runs", "Five fields as in crontab(5), such as: 0 3 * * *")
        values: dict[str, Any] = {"place": project_path(place), "name": label(name), "cron": label(cron)}
        with self._changing() as change:
            values["account_id"] = usable_account(change.sql, owner, self._clock()).id
            return self._enter_integration(change, "schedule", "schedule.add", by, values)

    def _enter_integration(
        self, change: Change, noun: str, action: str, by: Ref | None, values: dict[str, Any]
    ) -> Integration:
        made = self._make(change, noun, by, values)
        assert isinstance(made, Integration)  # noqa: S101  neither of these is a credential
        change.say(action, made.ref, by=by, **facts(made))
        return made

    def _seal(self, change: Change, thing: Credential, secret: str | None) -> None:
        if secret is None:
            return
        table = HOLDINGS[thing.kind.noun].table
        sealed = self._sealing.seal(secret, f"{thing.kind.noun}/{thing.id}")
        change.sql.execute(update(table).where(table.c.id == thing.id).values(sealed=sealed))


def _url(text: str, *schemes: str) -> str:
    """An address without a password in it, which belongs where it is sealed."""
    try:
        parts = urlsplit(text)
        fits = bool(parts.scheme in schemes and parts.hostname and parts.port != 0 and parts.password is None)
    except ValueError:
        fits = False
    if not fits or len(text) > LONGEST_URL or not text.isprintable() or " " in text:
        raise BadName("an address", f"{' or '.join(schemes)}://host/path, without a password; that is given apart.")
    return text
