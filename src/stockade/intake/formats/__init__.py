"""The formats that can be taken in, each by one reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from stockade.errors import ConfigurationError
from stockade.intake.formats.access import access
from stockade.intake.formats.cloudtrail import cloudtrail
from stockade.intake.formats.django import django
from stockade.intake.formats.gitea import gitea
from stockade.intake.formats.gitlab_audit import gitlab_audit
from stockade.intake.formats.gitlab_log import gitlab_log
from stockade.intake.formats.journald import journald
from stockade.intake.formats.mapped import FieldMap, mapped
from stockade.intake.formats.syslog import syslog_line
from stockade.intake.tables import table
from stockade.intake.taken import Read, Reader
from stockade.lines.stamps import Dating


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what it is called, what it reads, by which tables, and how a reader of it is made."""

    name: str
    title: str
    tables: tuple[str, ...]
    make: Callable[[Dating], Read]

    @property
    def system(self) -> str:
        """The system whose lines these are."""
        return table(self.tables[0]).system


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Format("access", "access logs of nginx and Apache: common, combined, vhost_combined", ("access",), access),
            Format(
                "cloudtrail", "CloudTrail-style JSON, a record or a file of them a line", ("cloudtrail",), cloudtrail
            ),
            Format("django", "events of a Django site as JSON lines", ("django",), django),
            Format("gitea", "gitea.log of Gitea and Forgejo", ("gitea",), gitea),
            Format(
                "gitlab",
                "GitLab's JSON logs: production, api, auth, application, audit",
                ("gitlab_requests", "gitlab_messages", "gitlab_audit", "gitlab_details"),
                gitlab_log,
            ),
            Format(
                "gitlab_audit",
                "GitLab's audit events: audit_json.log, streams, the API",
                ("gitlab_audit", "gitlab_details"),
                gitlab_audit,
            ),
            Format("journald", "`journalctl -o json`: sshd, sudo, PAM, and messages", ("unix",), journald),
            Format("syslog", "RFC 3164 and RFC 5424, auth.log: sshd, sudo, PAM, and messages", ("unix",), syslog_line),
        )
    }
)
"""Every format by its name. ``json`` is one more, with a mapping file."""


def reader(
    name: str, dating: Dating, *, mapping: FieldMap | None = None, programs: Mapping[str, str] | None = None
) -> Reader:
    """A new reader of a format. ``programs`` says in which formats some programs write their messages within syslog.

    Raises ConfigurationError when there is none of that name.
    """
    if name == "json":
        if mapping is None:
            raise ConfigurationError("the format json needs a mapping file", remedy="Name it with mapping.")
        return Reader(mapping.table.system, mapped(mapping, dating))
    found = FORMATS.get(name)
    if found is None:
        known = [*FORMATS, "json"]
        near = get_close_matches(name, known, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ConfigurationError(f"no format is named {name!r}", remedy=f"Write one of {', '.join(known)}.{meant}")
    if programs and name in {"syslog", "journald"}:
        speakers = {program: reader(each, dating, mapping=mapping) for program, each in programs.items()}
        return Reader(found.system, (syslog_line if name == "syslog" else journald)(dating, speakers))
    return Reader(found.system, found.make(dating))
