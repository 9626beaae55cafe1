"""Whether what somebody was let in with a moment ago would let them in again."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, select

from stockade.directory.accounts import SYSTEM, Credential, CredentialKind
from stockade.directory.builtin.held import credential_in
from stockade.directory.builtin.register import account_of
from stockade.directory.builtin.schema import accounts, applications, grants
from stockade.directory.refusals import UnknownCredentials, UnknownHolding
from stockade.events import Ref

_OWNER: Final = (
    select(accounts)
    .join(applications, applications.c.account_id == accounts.c.id)
    .join(grants, grants.c.application_id == applications.c.id)
    .where(grants.c.id == bindparam("wanted"))
)


def refuse_changed(sql: Connection, shown: Ref, made: float, now: float) -> Credential:
    """The credential of this reference as it is now. Raises UnknownCredentials when it opens nothing any more, and when
    it is not the one that was ``made`` then, as a password that has been changed.
    """
    try:
        kept = credential_in(sql, shown)
    except UnknownHolding as gone:
        raise UnknownCredentials("gone") from gone
    holder = Ref(shown.system, "user", kept.holder)
    if not kept.live(now):
        raise UnknownCredentials("revoked or expired since", holder)
    if kept.made != made:
        raise UnknownCredentials("changed since", holder)
    if kept.kind is CredentialKind.GRANT:
        refuse_others_grant(sql, kept, now)
    return kept


def refuse_others_grant(sql: Connection, shown: Credential, now: float) -> None:
    """Raise UnknownCredentials for what was granted to an application while its owner is shut out."""
    owner = sql.execute(_OWNER, {"wanted": shown.id}).one_or_none()
    if owner is not None and account_of(owner).shut_out(now):
        raise UnknownCredentials("the owner of the application is shut out", Ref(SYSTEM, "user", shown.holder))
