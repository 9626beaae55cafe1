"""CI/CD variables of the instance, its groups and projects: sealed, and told apart by a fingerprint."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import SYSTEM, Credential
from stockade.directory.builtin.held import Held, credential_in, facts
from stockade.directory.builtin.register import Change, maker
from stockade.directory.builtin.schema import variables
from stockade.directory.names import label, place_path
from stockade.directory.refusals import BadName, Impossible, NameTaken, UnknownHolding
from stockade.directory.secret import Secret
from stockade.errors import ConfigurationError
from stockade.events import Ref

LONGEST: Final = 65_536
SHORTEST_MASKED: Final = 8
"""Characters of a masked value at least: a shorter one would blot out half of a job's log."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_FLAGS: Final = ("masked", "protected", "hidden")


class Variables(Held):
    """The variables of the directory."""

    def set_variable(
        self,
        place: str,
        key: str,
        value: str,
        *,
        environment: str = "*",
        masked: bool = False,
        protected: bool = False,
        hidden: bool = False,
        by: Ref | None = None,
    ) -> Credential:
        """Make a variable of a project, a group or, with ``""``, the instance, or give it another value or protection.

        ``masked`` values are blotted out of logs, ``protected`` ones given to protected branches alone, ``hidden`` ones
        are masked and never shown again; what is hidden stays hidden. Raises BadName and ConfigurationError.
        """
        name = {"place": place_path(place), "key": _key(key), "environment": label(environment)}
        flags = {"masked": masked or hidden, "protected": protected, "hidden": hidden}
        _check(value, masked=flags["masked"])
        try:
            with self._changing() as change:
                row = change.sql.execute(_at(name).with_for_update()).one_or_none()
                if row is None:
                    action, number = "variable.create", self._new_variable(change, name | flags, value, by)
                else:
                    action, number = self._change_variable(change, row, flags, value, by), row.id
                variable = credential_in(change.sql, Ref(SYSTEM, "variable", str(number)))
                if action:
                    change.say(action, variable.ref, by=by, traits=sorted(variable.traits), **facts(variable))
        except IntegrityError as error:
            raise NameTaken("variable", key) from error
        return variable

    def read_variable(self, ref: Ref, *, by: Ref | None = None) -> Secret:
        """The value; that it was looked at is on record before it is told. Raises UnknownHolding, and Impossible for
        a hidden one.
        """
        with self._changing() as change:
            variable = credential_in(change.sql, ref)
            if ref.kind != "variable" or variable.revoked is not None:
                raise UnknownHolding(ref)
            if "hidden" in variable.traits:
                raise Impossible("shown: it is hidden", ref, "Set another value if nobody knows it any more.")
            sealed = change.sql.execute(select(variables.c.sealed).where(variables.c.id == variable.id)).scalar_one()
            change.say("variable.read", ref, by=by, **facts(variable))
        return self._sealing.open(sealed, _purpose(variable.id))

    def _new_variable(self, change: Change, values: dict[str, Any], value: str, by: Ref | None) -> int:
        values = values | {"sealed": "", "fingerprint": self._sealing.fingerprint(value), "changed": self._clock()}
        values["changed_by"] = maker(change.sql, by)
        number = self._make_credential(change, "variable", by, values).id
        sealed = self._sealing.seal(value, _purpose(number))  # the purpose names the row, which has its number now
        change.sql.execute(update(variables).where(variables.c.id == number).values(sealed=sealed))
        return number

    def _change_variable(
        self, change: Change, row: Row[Any], flags: dict[str, bool], value: str, by: Ref | None
    ) -> str:
        """What to call it; empty when nothing is changed."""
        fingerprint = self._sealing.fingerprint(value)
        flags = flags if row.revoked is not None else flags | {"hidden": flags["hidden"] or row.hidden}
        flags |= {"masked": flags["masked"] or flags["hidden"]}
        same = row.fingerprint == fingerprint
        if same and row.revoked is None and all(getattr(row, flag) == flags[flag] for flag in _FLAGS):
            return ""
        values: dict[str, Any] = {
            **flags,
            "fingerprint": fingerprint,
            "revoked": None,
            "sealed": self._sealing.seal(value, _purpose(row.id)),
        }
        values |= {"changed": self._clock(), "changed_by": maker(change.sql, by)}
        change.sql.execute(update(variables).where(variables.c.id == row.id).values(values))
        if row.revoked is not None:
            return "variable.create"
        return "variable.change" if same else "variable.rotate"


def _purpose(number: int) -> str:
    return f"variable/{number}"


def _at(name: dict[str, str]) -> Any:
    return select(variables).where(*(variables.c[column] == text for column, text in name.items()))


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise BadName("a variable's name", "Up to 255 letters, digits and underscores, not beginning with a digit.")
    return text


def _check(value: str, *, masked: bool) -> None:
    if len(value) > LONGEST or "\0" in value:
        raise ConfigurationError("This value is too long for a variable.", remedy=f"At most {LONGEST} characters.")
    if masked and (len(value) < SHORTEST_MASKED or not value.isprintable() or " " in value):
        raise ConfigurationError(
            "This value cannot be masked.", remedy=f"At least {SHORTEST_MASKED} printable characters without a blank."
        )
