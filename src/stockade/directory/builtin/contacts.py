"""Further e-mail addresses of accounts, and the identities that other systems know their holders by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Credential
from stockade.directory.builtin.held import Held, credential_in, facts
from stockade.directory.builtin.register import usable_account
from stockade.directory.builtin.schema import accounts, emails, identities
from stockade.directory.names import email_key, label
from stockade.directory.refusals import NameTaken, UnknownHolding
from stockade.events import Ref


class Contacts(Held):
    """The further addresses and the external identities of the directory."""

    def add_email(self, name: str, address: str, *, by: Ref | None = None) -> Credential:
        """Give an account another address, which nobody has confirmed yet. Raises UnknownAccount, AccountBlocked,
        BadName, and NameTaken when anybody has it.
        """
        key = email_key(address)
        values: dict[str, Any] = {"address": address, "address_key": key}
        try:
            with self._changing() as change:
                values["account_id"] = usable_account(change.sql, name, self._clock()).id
                if change.sql.execute(select(accounts.c.id).where(accounts.c.email_key == key)).first() is not None:
                    raise NameTaken("e-mail address", address)
                change.sql.execute(delete(emails).where(emails.c.address_key == key, emails.c.revoked.is_not(None)))
                email = self._make_credential(change, "email", by, values)
                change.say("email.add", email.ref, by=by, **facts(email))
        except IntegrityError as error:
            raise NameTaken("e-mail address", address) from error
        return email

    def confirm_email(self, ref: Ref, *, by: Ref | None = None) -> Credential:
        """Note that the address is its owner's. Raises UnknownHolding."""
        with self._changing() as change:
            email = credential_in(change.sql, ref)
            if ref.kind != "email" or email.revoked is not None:
                raise UnknownHolding(ref)
            if "unconfirmed" in email.traits:
                change.sql.execute(update(emails).where(emails.c.id == email.id).values(confirmed=self._clock()))
                change.say("email.confirm", ref, by=by, **facts(email))
            return credential_in(change.sql, ref)

    def link_identity(self, name: str, provider: str, subject: str, *, by: Ref | None = None) -> Credential:
        """Let who is ``subject`` to a provider be this account. Raises UnknownAccount, AccountBlocked, BadName, and
        NameTaken when somebody is it already.
        """
        values: dict[str, Any] = {"provider": label(provider[:65])[:64], "subject": label(subject)}
        same = (identities.c.provider == values["provider"]) & (identities.c.subject == subject)
        try:
            with self._changing() as change:
                values["account_id"] = usable_account(change.sql, name, self._clock()).id
                change.sql.execute(delete(identities).where(same, identities.c.revoked.is_not(None)))
                identity = self._make_credential(change, "identity", by, values)
                change.say("identity.link", identity.ref, by=by, provider=values["provider"], **facts(identity))
        except IntegrityError as error:
            raise NameTaken("identity", f"{provider} {subject}"[:255]) from error
        return identity
