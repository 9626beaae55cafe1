"""Projects and their members: who may read and write which repository and its images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Account, Authenticated, Level, Membership
from stockade.directory.builtin.factor_policy import tell_new_member
from stockade.directory.builtin.holdings import makers
from stockade.directory.builtin.register import Register, account_named, maker, take_turns
from stockade.directory.builtin.schema import accounts, groups, memberships, repositories
from stockade.directory.names import project_path
from stockade.directory.permissions import NOTHING, Action, Group, Repository, Service, Visibility, allowed
from stockade.directory.refusals import BadName, NameTaken, UnknownRepository
from stockade.events import Ref

_PATHS: BindParameter[list[str]] = bindparam("paths", expanding=True)
_PROJECTS_AT = select(repositories).where(repositories.c.path.in_(_PATHS))
_MEMBERSHIPS_AT = select(memberships).where(
    memberships.c.account_id == bindparam("holder"), memberships.c.path.in_(_PATHS)
)
_MEMBERSHIPS = (
    select(memberships, accounts.c.name.label("holder"), makers.c.name.label("maker"))
    .join_from(memberships, accounts, memberships.c.account_id == accounts.c.id)
    .outerjoin(makers, memberships.c.made_by == makers.c.id)
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
                values = {"path": repository.path, "visibility": repository.visibility, "made": self._clock()}
                values["made_by"] = maker(change.sql, by)
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

    def create_group(self, path: str, visibility: Visibility = Visibility.PRIVATE, *, by: Ref | None = None) -> Group:
        """Enter a group, in which projects and other groups may lie. Raises BadName and NameTaken."""
        group = Group(project_path(path), Visibility(visibility))
        values = {"path": group.path, "visibility": group.visibility, "made": self._clock()}
        try:
            with self._changing() as change:
                values |= {"made_by": maker(change.sql, by), "two_factor": False, "grace": 0.0}
                change.sql.execute(insert(groups).values(values))
                change.say("group.create", group.ref, by=by, visibility=group.visibility.value)
        except IntegrityError as error:
            raise NameTaken("group", group.path) from error
        return group

    def groups(self) -> Iterator[Group]:
        """Every group by path, streamed."""
        return (Group(row.path, Visibility(row.visibility)) for row in self._pages(select(groups), groups.c.path))

    def add_member(
        self, name: str, path: str, level: Level, *, expires: float | None = None, by: Ref | None = None
    ) -> Membership:
        """Give an account a level in a project or group and all below, in place of the one it had there; at
        ``expires`` it lapses.

        Raises UnknownAccount and BadName.
        """
        path = project_path(path)
        now = self._clock()
        with self._changing() as change:
            account = account_named(change.sql, name)
            take_turns(change.sql, account)
            change.sql.execute(_membership_of(account, path))
            values = {"account_id": account.id, "path": path, "level": Level(level).value}
            values |= {"since": now, "expires": expires, "made_by": maker(change.sql, by)}
            change.sql.execute(insert(memberships).values(values))
            tell_new_member(change.sql, account, path, now)
            change.say("member.add", account.ref, by=by, path=path, level=level.name.lower(), expires=expires)
            return _membership(change.sql.execute(_of(account).where(memberships.c.path == path)).one())

    def remove_member(self, name: str, path: str, *, by: Ref | None = None) -> None:
        """Take the level away again; none there is none. Raises UnknownAccount and BadName."""
        path = project_path(path)
        with self._changing() as change:
            account = account_named(change.sql, name)
            if change.sql.execute(_membership_of(account, path)).rowcount:
                change.say("member.remove", account.ref, by=by, path=path)

    def memberships(self, name: str | None = None) -> Iterator[Membership]:
        """The memberships of one account by path, or everybody's, expired ones too, streamed; raises UnknownAccount at
        once.
        """
        if name is not None:
            return map(_membership, self._pages(_of(self.account(name)), memberships.c.path))
        return map(_membership, self._pages(_MEMBERSHIPS, memberships.c.account_id, memberships.c.path))

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
        now = self._clock()
        if who is None:
            return allowed(None, frozenset(), path, visibility=project, now=now, service=service)
        within = who.by.within
        return allowed(
            who.account, who.scopes, path, visibility=project, now=now, memberships=own, service=service, within=within
        )


def _ref(path: str) -> Ref:
    return Ref("stockade", "project", path)


def _repository_of(row: Row[Any]) -> Repository:
    return Repository(row.path, Visibility(row.visibility))


def _of(account: Account) -> Select[Any]:
    return _MEMBERSHIPS.where(memberships.c.account_id == account.id)


def _membership(row: Row[Any]) -> Membership:
    return Membership(row.holder, row.path, Level(row.level), row.since, row.expires, row.maker)


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
    return [Membership(account.name, row.path, Level(row.level), row.since, row.expires) for row in rows]
