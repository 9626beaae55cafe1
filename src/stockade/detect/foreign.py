"""Rules that others have written for other products, run on the events that these products' logs have become.

``logsource`` says which events a rule reads: those of some systems, and where machines report in syslog, of some
programs. A rule for ``product: stockade`` reads every event, in our own words, whatever system it came of.

The fields of a foreign rule have foreign names. A name is looked for, in this order:

1. in the foreign event, kept whole in ``details.whole`` where there was no word of ours for it;
2. in an audit record of Linux (``type=EXECVE … a0="rm"``) that a program has logged as a message;
3. in the details, which keep what a reader has found worth it, under the foreign name where it has one;
4. where it is the product's name for *what happened*, in ``details.type``;
5. among the names of our own, except ``action``, whose words are others.

An event that names neither who nor what has no system: rules for any product read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from stockade.detect.view import FIELDS, MISSING, Getter, View, dig

OWN: Final = "stockade"
HOSTS: Final = frozenset({"host", "linux", "syslog", "journal"})
"""What systems are called that report for a whole machine."""


class Source(NamedTuple):
    """The systems of a log source, and their programs; no programs for all of them."""

    systems: frozenset[str]
    programs: frozenset[str] = frozenset()


def _machine(*programs: str, also: str = "") -> Source:
    return Source(HOSTS | ({also} if also else set()), frozenset(programs))


SOURCES: Final[Mapping[tuple[str, str], Source]] = {
    ("github", "audit"): Source(frozenset({"github"})),
    ("bitbucket", "audit"): Source(frozenset({"bitbucket"})),
    ("gitlab", ""): Source(frozenset({"gitlab"})),
    ("gitea", ""): Source(frozenset({"gitea", "forgejo"})),
    ("forgejo", ""): Source(frozenset({"gitea", "forgejo"})),
    ("okta", "okta"): Source(frozenset({"okta"})),
    ("django", ""): Source(frozenset({"django"})),
    ("aws", "cloudtrail"): Source(frozenset({"aws"})),
    ("nginx", ""): Source(frozenset({"web", "nginx"})),
    ("apache", ""): Source(frozenset({"web", "apache"})),
    ("linux", "auditd"): _machine("audit", "auditd", "audispd", "kernel", also="auditd"),
    ("linux", "sshd"): _machine("sshd", "sshd-session", "sshd-auth"),
    ("linux", "sudo"): _machine("sudo"),
    ("linux", "cron"): _machine("cron", "CRON", "crond", "crontab"),
    ("linux", "vsftpd"): _machine("vsftpd"),
    ("linux", "guacamole"): _machine("guacd", "guacamole", "tomcat"),
    ("linux", "clamav"): _machine("clamd", "clamav", "freshclam"),
    ("linux", "syslog"): _machine(),
    ("linux", ""): _machine(also="auditd"),
}
"""Product and service of a log source, and whose events it reads; an empty service stands for any other."""

TYPES: Final = frozenset(
    {"action", "eventType", "eventtype", "auditType.action", "event_type", "event_name", "eventName"}
)
"""What other products call the name of what happened."""


def source_of(product: str | None, service: str | None) -> Source | None:
    """What a log source reads; None when it is all events. Raises KeyError for one that is not known here."""
    if product == OWN:
        return None
    exact = SOURCES.get((product or "", service or ""))
    return exact if exact is not None else SOURCES[product or "", ""]


def foreign_getter(name: str) -> Getter:
    """How a field of a foreign rule is looked up."""
    path, own = tuple(name.split(".")), FIELDS.get(name) if name != "action" else None

    def get(view: View) -> object:
        details = view.event.details
        found = dig(details.get("whole"), path)
        if found is MISSING:
            found = _record(details.get("message")).get(name, MISSING)
        if found is MISSING:
            found = dig(details, path)
        if found is MISSING and name in TYPES:
            found = _type(details.get("type"), name)
        return own(view) if found is MISSING and own is not None else found

    return get


def _record(message: object) -> Mapping[str, str]:
    return audit_record(message) if isinstance(message, str) and "type=" in message[:60] else {}


def _type(said: object, name: str) -> object:
    """What happened, in the product's own words; before the name of an event, AWS has that of its service."""
    if not isinstance(said, str):
        return MISSING
    return said.rpartition(":")[2] if name == "eventName" else said


@lru_cache(maxsize=1024)
def audit_record(message: str) -> Mapping[str, str]:
    """The fields of a record of Linux's audit daemon; empty for any other message."""
    if not re.match(r"(?:node=\S+ )?type=[A-Z_]+ ", message):
        return {}
    return {name: said.strip("\"'") for name, said in re.findall(r"\b(\w+)=(\"[^\"]*\"|'[^']*'|\S+)", message)}
