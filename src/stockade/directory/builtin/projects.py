"""Projects and their members: who may read and write which repository and its images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Account, Authenticated, Level, Membership
from stockade.directory.builtin.register import Register, account_named, take_turns
from stockade.directory.builtin.schema import memberships, repositories
from stockade.directory.names import project_path
from stockade.directory.permissions import NOTHING, Action, Repository, Service, Visibility, allowed
from stockade.directory.refusals import BadName, NameTaken, UnknownRepository
from stockade.events import Ref

_PATHS: BindParameter[list[str]] = bindparam("paths", expanding=True)
_PROJECTS_AT = select(repositories).where(repositories.c.path.in_(_PATHS))
_MEMBERSHIPS_AT = select(memberships).where(
    memberships.c.account_id == bindparam("holder"), memberships.c.path.in_(_PATHS)
)


class Projects(Register):
    """The repositories of the directory and the memberships that open them."""

    def create_repository(
        self, path: str, visibility: Visibility = Visibility.PRIVATE, *, by: Ref | None = None
    ) -> Repository:
        """Enter a project; its repository is made by who serves it. Raises BadName and NameTaken."""
        repository = Repository(project_path(path), Visibility(visibility))
        try:
            with self._changing() as change:
                values = {"path": repository.path, "visibility": repository.visibility}
                change.sql.execute(insert(repositories).values(values))
                change.say("project.create", _ref(repository.path), by=by, visibility=repository.visibility.value)
        except IntegrityError as error:
            raise NameTaken("repository", repository.path) from error
        return repository

    def repository(self, path: str) -> Repository:
        """The project of this path, however it is spelt; raises UnknownRepository."""
        try:
            canonical = project_path(path)
        except BadName as error:
            raise UnknownRepository(path) from error
        with self._database.reading() as sql:
            row = sql.execute(select(repositories).where(repositories.c.path == canonical)).one_or_none()
        if row is None:
            raise UnknownRepository(path)
        return _repository_of(row)

    def repositories(self) -> Iterator[Repository]:
        """Every project by path, streamed."""
        return map(_repository_of, self._pages(select(repositories), repositories.c.path))

    def add_member(self, name: str, path: str, level: Level, *, by: Ref | None = None) -> Membership:
        """Give an account a level in a project or group and all below, in place of the one it had there.

        Raises UnknownAccount and BadName.
        """
        path = project_path(path)
        with self._changing() as change:
            account = account_named(change.sql, name)
            take_turns(change.sql, account)
            change.sql.execute(_membership_of(account, path))
            change.sql.execute(insert(memberships).values(account_id=account.id, path=path, level=Level(level).value))
            change.say("member.add", account.ref, by=by, path=path, level=level.name.lower())
        return Membership(account.name, path, Level(level))

    def remove_member(self, name: str, path: str, *, by: Ref | None = None) -> None:
        """Take the level away again; none there is none. Raises UnknownAccount and BadName."""
        path = project_path(path)
        with self._changing() as change:
            account = account_named(change.sql, name)
            if change.sql.execute(_membership_of(account, path)).rowcount:
                change.say("member.remove", account.ref, by=by, path=path)

    def memberships(self, name: str) -> Iterator[Membership]:
        """The memberships of one account by path, streamed; raises UnknownAccount at once."""
        account = self.account(name)
        query = select(memberships).where(memberships.c.account_id == account.id)
        return (_membership(row, account.name) for row in self._pages(query, memberships.c.path))

    def allowed(self, who: Authenticated | None, path: str, service: Service = "repository") -> frozenset[Action]:
        """What may be done to this path by who authenticated (None: anybody). An image's path may go on below its
        project's.

        Never raises for a path that does not exist or is no path: nothing is allowed there.
        """
        try:
            path = project_path(path)
        except BadName:
            return NOTHING
        places = _ancestors(path) if service == "registry" else [path]
        with self._database.reading() as sql:
            project = _nearest(sql, places)
            own = [] if who is None else _memberships_over(sql, who.account, path)
        if who is None:
            return allowed(None, frozenset(), path, visibility=project, service=service)
        return allowed(
            who.account, who.scopes, path, visibility=project, memberships=own, service=service, within=who.by.within
        )


def _ref(path: str) -> Ref:
    return Ref("stockade", "project", path)


def _repository_of(row: Row[Any]) -> Repository:
    return Repository(row.path, Visibility(row.visibility))


def _membership(row: Row[Any], holder: str) -> Membership:
    return Membership(holder, row.path, Level(row.level))


def _membership_of(account: Account, path: str) -> Any:
    return delete(memberships).where(memberships.c.account_id == account.id, memberships.c.path == path)


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _nearest(sql: Connection, places: list[str]) -> Visibility | None:
    """The visibility of the deepest project among nested paths."""
    rows = sql.execute(_PROJECTS_AT, {"paths": places}).all()
    return Visibility(max(rows, key=lambda row: len(row.path)).visibility) if rows else None


def _memberships_over(sql: Connection, account: Account, path: str) -> list[Membership]:
    rows = sql.execute(_MEMBERSHIPS_AT, {"holder": account.id, "paths": _ancestors(path)})
    return [_membership(row, account.name) for row in rows]
