"""Runners, which carry out jobs: registered with a token of their own, paused and resumed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam

from stockade.directory.accounts import Credential, CredentialKind
from stockade.directory.builtin.held import Held, facts
from stockade.directory.builtin.holdings import HOLDINGS, credential_of
from stockade.directory.builtin.schema import runners
from stockade.directory.builtin.tokens import note_use, use_is_news
from stockade.directory.names import label, place_path
from stockade.directory.refusals import UnknownCredentials
from stockade.directory.secret import Secret
from stockade.directory.tokens import digest, make_token
from stockade.events import Ref


class Runners(Held):
    """The runners of the directory."""

    def register_runner(
        self, place: str, name: str, *, protected: bool = False, tags: Iterable[str] = (), by: Ref | None = None
    ) -> tuple[Credential, Secret]:
        """Register a runner for a project, a group or, with ``""``, the instance; its token is never seen again.

        A ``protected`` one gets the jobs of protected branches alone. Raises BadName.
        """
        token = make_token(CredentialKind.RUNNER)
        words = " ".join(sorted({label(tag) for tag in tags}))
        values = {"place": place_path(place), "name": label(name), "protected": protected, "digest": digest(token)}
        with self._changing() as change:
            runner = self._make_credential(change, "runner", by, values | {"tags": label(words) if words else ""})
            change.say("runner.add", runner.ref, by=by, tags=words or None, protected=protected, **facts(runner))
        return runner, token

    def authenticate_runner(self, token: str, now: float, *, source: str | None = None) -> Credential:
        """Which runner this is; raises UnknownCredentials when it is none, or is paused or removed."""
        query = HOLDINGS["runner"].credentials
        assert query is not None  # noqa: S101
        with self._database.reading() as sql:
            row = sql.execute(query.where(runners.c.digest == bindparam("wanted")), {"wanted": digest(token)}).first()
        runner = None if row is None else credential_of(row)
        if runner is None or not runner.live(now):
            reason = "no such runner" if runner is None else "runner stopped"
            who = None if runner is None else runner.ref
            self._report("authentication.failure", who, source=source, outcome="failure", reason=reason)
            raise UnknownCredentials(reason)
        if use_is_news(runner, now, source):
            with self._database.writing() as sql:
                note_use(sql, runners, runner.id, now, source)
        return runner
