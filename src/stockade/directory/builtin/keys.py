"""Public keys: OpenSSH keys of accounts, deploy keys of projects, OpenPGP certificates."""

from __future__ import annotations

from stockade.directory.accounts import KEY_KINDS, Credential, CredentialKind
from stockade.directory.builtin.fingerprints import refuse_second_holder
from stockade.directory.builtin.held import Held, facts
from stockade.directory.builtin.register import usable_account
from stockade.directory.keys import openpgp_key, ssh_key
from stockade.directory.names import label, project_path
from stockade.errors import ConfigurationError
from stockade.events import Ref


class Keys(Held):
    """The keys of the directory."""

    def add_key(
        self,
        holder: str | None,
        name: str,
        public: str,
        *,
        kind: CredentialKind = CredentialKind.SSH_KEY,
        within: str | None = None,
        writes: bool = False,
        expires: float | None = None,
        by: Ref | None = None,
    ) -> Credential:
        """Take a public key: an account's, or a deploy key of the project ``within``, which may push if it ``writes``.

        Raises WeakKey, NameTaken for a key that another account has in force, UnknownAccount, AccountBlocked, BadName;
        ConfigurationError for a deploy key without a project, or another one without a holder.
        """
        if kind not in KEY_KINDS:
            raise ConfigurationError(f"A {kind} is not a key.", remedy=f"Choose of {', '.join(sorted(KEY_KINDS))}.")
        deploys = kind is CredentialKind.DEPLOY_KEY
        if (within if deploys else holder) is None:
            raise ConfigurationError(
                f"A {kind} belongs to {'a project' if deploys else 'an account'}.", remedy="Say which."
            )
        read = (openpgp_key if kind is CredentialKind.GPG_KEY else ssh_key)(public)
        place = project_path(within) if deploys and within else None
        values = {"kind": kind, "name": label(name), "within": place, "writes": writes, "expires": expires}
        values |= {"algorithm": read.algorithm, "bits": read.bits, "fingerprint": read.fingerprint}
        with self._changing() as change:
            if holder is not None:
                values["account_id"] = usable_account(change.sql, holder, self._clock()).id
            key = self._make_credential(change, "key", by, values | {"public": read.public})
            refuse_second_holder(change.sql, key.id)
            change.say("key.add", key.ref, by=by, fingerprint=read.fingerprint, weakness=key.weakness, **facts(key))
        return key
