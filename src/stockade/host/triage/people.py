"""Accounts that somebody may have left or opened, and who may do everything by sudo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.facts.accounts import Account
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.origin import WEEK
from stockade.host.triage.telling import Told

SYSTEM: Final = 1000
"""The first number of a person (login.defs(5), UID_MIN)."""
EVERYTHING: Final = re.compile(
    r"^(?P<who>[^\s#=]+)\s+\S+\s*=\s*(?:\([^)]*\)\s*)?(?:\w+:\s*)*NOPASSWD:\s*(?:\w+:\s*)*ALL\b"
)
NEVER_ASKS: Final = re.compile(r"Defaults\b.*!authenticate")


def accounts(host: str, people: Sequence[Account], now: float) -> Iterator[Oddity]:
    """Second roots, accounts that need no password, and accounts of services that have one; and a note for news."""
    settled = any(one.changed is not None and one.changed < now - WEEK for one in people)
    for one in people:
        if settled and one.may_sign_in and one.changed is not None and one.changed > now - WEEK:
            what = "is new, or has a new password, since less than a week"
            yield _account(host, one, "informational", what, "Somebody of yours may have changed it: ask.")
        if one.uid == 0 and one.name != "root":
            yield _account(host, one, "critical", "is root by another name", "No package makes such an account.")
        if one.may_sign_in and one.password == "none":  # noqa: S105  a word
            yield _account(host, one, "high", "needs no password", "PAM lets such in only where it says nullok.")
        if one.may_sign_in and one.password == "set" and 0 < one.uid < SYSTEM:  # noqa: S105  a word
            yield _account(host, one, "medium", "is a service's, and has a password and a shell", "Somebody set it.")


def _account(host: str, one: Account, severity: Severity, what: str, harmless: str) -> Oddity:
    look, why = (
        f"getent passwd {one.name}; chage -l {one.name}",
        "It is a way in that stays when people's passwords go.",
    )
    facts: dict[str, object] = {"uid": one.uid, "shell": one.shell, "home": one.home, "changed": one.changed}
    subject = Ref(host, "account", one.name)
    return Oddity(
        "account", severity, f"account {one.name} {what}", subject, why, look, harmless, ("T1136.001",), facts
    )


def sudo(host: str, placed: Placed) -> Iterator[Oddity]:
    """Who may do everything without a password: a note for the user of a machine in a cloud, who is made so."""
    for line in map(str.strip, placed.text.splitlines()):
        found = EVERYTHING.match(line)
        if found is None and not NEVER_ASKS.match(line):
            continue
        who = found["who"] if found else "everybody who may use sudo"
        usual = "cloud-init" in placed.path or who == "root"
        severity: Severity = "informational" if usual else "high" if who == "ALL" or found is None else "medium"
        harmless = "Machines in clouds are made so." if usual else "No package brought this line."
        yield Told(host, placed)(severity, f"lets {who} do everything without a password", harmless, line=line)
