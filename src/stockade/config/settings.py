"""Every setting there is: its name, its kind, what it is without being written, and what it means."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Final

from stockade.config.audit import AuditSettings
from stockade.config.carrying import DetectSettings
from stockade.config.gitlab import GitLabSettings
from stockade.config.kinds import DATABASE, HEADER_NAME, LISTEN, MOMENT, NETWORKS, PATH, PRESETS, STORE, UPSTREAM
from stockade.config.oauth import OAuthSettings
from stockade.config.respond import RespondSettings
from stockade.config.rules import (
    Allow2BanSettings,
    BlocklistSettings,
    Fail2BanSettings,
    SafelistSettings,
    ThrottleSettings,
    TrackSettings,
)
from stockade.config.scanning import SecretsSettings
from stockade.config.search import SearchSettings
from stockade.config.secrets import Url
from stockade.config.tables import named_tables, setting, table
from stockade.config.taking_in import INTAKE
from stockade.config.traffic import TrafficSettings
from stockade.config.updates import UpdatesSettings
from stockade.config.values import DURATION, FLAG, SIZE, TEXT, TEXTS, one_of, whole
from stockade.guard.answers import HeaderStyle, Told
from stockade.guard.rules import Rule
from stockade.intake.settings import Source

SHARED: Final = Url("shared")
Stamp = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """What one kind of refusal says; what is not written stays as it is."""

    status: int | None = setting(whole(400, 599), "The HTTP status.", None, shown_default="as below")
    text: str | None = setting(TEXT, "The plain text of the answer.", None, shown_default="as below")
    title: str | None = setting(
        TEXT, "The title of the problem, for who asks for JSON.", None, shown_default="as below"
    )
    type: str | None = setting(TEXT, "The type of the problem (RFC 9457), a URI.", None, shown_default="as below")


def _text(kind: str, meaning: str) -> TextSettings | None:
    found: TextSettings | None = setting(
        table(TextSettings, f"[answers.{kind}]"), meaning, None, shown_default="as below"
    )
    return found


@dataclass(frozen=True, kw_only=True)
class AnswersSettings:
    """What refused clients are told."""

    headers: HeaderStyle | None = setting(
        one_of("draft-10", "gitlab", "none"),
        "Whose rate-limit fields answers carry: the IETF draft's, GitLab's, or nobody's.",
        None,
        shown_default='"draft-10"; "gitlab" under the GitLab preset',
    )
    told: Told = setting(
        one_of("always", "near"),
        "Who is told how its quotas stand: everybody always, or who has used more than half of one.",
        "near",
    )
    throttle: TextSettings | None = _text("throttle", "Too many requests.")
    ban: TextSettings | None = _text("ban", "The client is banned.")
    fail2ban: TextSettings | None = _text("fail2ban", "A fail2ban rule matches.")
    blocklist: TextSettings | None = _text("blocklist", "A blocklist rule matches.")
    unjudged: TextSettings | None = _text("unjudged", "The store cannot be asked, and a rule says to refuse then.")


@dataclass(frozen=True, kw_only=True)
class SecurityTxtSettings:
    """The public security contact (RFC 9116), served at /.well-known/security.txt."""

    contact: tuple[str, ...] = setting(TEXTS, "Where to report: mailto:, tel: or https: URIs, the preferred one first.")
    expires: datetime = setting(MOMENT, "Until when the file may be believed; less than a year away.")
    encryption: tuple[str, ...] = setting(TEXTS, "Where the key for encrypted reports is.", ())
    acknowledgments: tuple[str, ...] = setting(TEXTS, "A page that thanks reporters.", ())
    preferred_languages: tuple[str, ...] = setting(TEXTS, 'Language tags, such as ["en", "fr"].', ())
    canonical: tuple[str, ...] = setting(TEXTS, "The URIs where this file is meant to be.", ())
    policy: tuple[str, ...] = setting(TEXTS, "The vulnerability disclosure policy.", ())
    hiring: tuple[str, ...] = setting(TEXTS, "Security-related vacancies.", ())
    csaf: tuple[str, ...] = setting(TEXTS, "The provider-metadata.json of CSAF.", ())


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The security log: JSON lines, one for each decision worth reading."""

    path: Path | None = setting(PATH, "Where it is.", None, shown_default="security.log in the state directory")
    max_size: int = setting(SIZE, "When it is larger, it is renamed to its name with .1 and begun anew.", 50_000_000)
    keep: int = setting(whole(0, 1000), "How many renamed ones to keep.", 4)


@dataclass(frozen=True, kw_only=True)
class NftablesSettings:
    """Bans carried into the kernel's packet filter, in a table of their own, `inet stockade`: banned addresses do not
    reach the service at all. Needs CAP_NET_ADMIN.
    """

    enabled: bool = setting(FLAG, "Carry bans there, and lift them there within five seconds.", default=False)


RULES: Final = ("safelist", "blocklist", "throttle", "fail2ban", "allow2ban", "track")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A whole configuration. What is not written is as the reference says."""

    listen: str = setting(LISTEN, "Where the gateway listens.", "127.0.0.1:8080")
    upstream: str | None = setting(
        UPSTREAM, "The service to stand in front of.", None, shown_default="the built-in forge"
    )
    workers: int = setting(whole(1, 512), "How many processes serve.", 1)
    state: Path = setting(
        PATH,
        "The directory for counters, accounts and the logs.",
        Path(),
        shown_default="$STOCKADE_STATE, else $XDG_STATE_HOME/stockade",
    )
    store: Url = setting(
        STORE,
        'Where counters and bans live: "shared" by this machine, the "memory" of one process, or the URL of a Redis.',
        SHARED,
        shown_default='"shared"',
    )
    store_deadline: float = setting(DURATION, "How long a request waits for the store at most.", 0.05)
    database: Url | None = setting(
        DATABASE, "Where accounts are kept.", None, shown_default="directory.sqlite3 in the state directory"
    )
    directory_key: Path | None = setting(
        PATH,
        "The key under which variables, hook secrets and second factors are sealed; best on another disk than the "
        "database, and saved apart from it.",
        None,
        shown_default="directory.key in the state directory",
    )
    git_hooks: Path | None = setting(
        PATH,
        "A folder that is root's alone, of programs that are: the Git hooks that the built-in forge may run. A hook of "
        "the directory is run when its program is among them, octet by octet.",
        None,
        shown_default="none, and no hook of the directory is run",
    )
    breached_passwords: Path | None = setting(
        PATH,
        "A file of leaked passwords, which nobody may choose: lines SHA1:count, sorted, as Have I Been Pwned's "
        "downloader writes it.",
        None,
        shown_default="none",
    )
    trusted_proxies: tuple[str, ...] = setting(
        NETWORKS, "Proxies in front whose word about the client's address is taken.", ()
    )
    proxy_header: str = setting(
        HEADER_NAME,
        "The one header in which they give it: x-forwarded-for, forwarded, x-real-ip …",
        "x-forwarded-for",
    )
    ipv6_prefix: int = setting(whole(32, 128), "IPv6 clients are counted by prefixes of this length.", 64)
    operators: tuple[str, ...] = setting(NETWORKS, "Addresses and networks that can never be banned: yours.", ())
    metrics_for: tuple[str, ...] = setting(
        NETWORKS, "Addresses and networks that may read /metrics.", ("127.0.0.0/8", "::1")
    )
    preset: str | None = setting(
        one_of(*PRESETS),
        "Rules that come ready-made, before those of the file.",
        None,
        shown_default='"forge" when the file has no rules, else "none"',
    )
    answers: AnswersSettings = setting(
        table(AnswersSettings, "[answers]"), "What refused clients are told.", AnswersSettings()
    )
    safelist: tuple[SafelistSettings, ...] = setting(named_tables(SafelistSettings, "[[safelist]]"), "", ())
    blocklist: tuple[BlocklistSettings, ...] = setting(named_tables(BlocklistSettings, "[[blocklist]]"), "", ())
    throttle: tuple[ThrottleSettings, ...] = setting(named_tables(ThrottleSettings, "[[throttle]]"), "", ())
    fail2ban: tuple[Fail2BanSettings, ...] = setting(named_tables(Fail2BanSettings, "[[fail2ban]]"), "", ())
    allow2ban: tuple[Allow2BanSettings, ...] = setting(named_tables(Allow2BanSettings, "[[allow2ban]]"), "", ())
    track: tuple[TrackSettings, ...] = setting(named_tables(TrackSettings, "[[track]]"), "", ())
    gitlab: GitLabSettings = setting(
        table(GitLabSettings, "[gitlab]"), "Changes to the GitLab preset.", GitLabSettings()
    )
    security_txt: SecurityTxtSettings | None = setting(
        table(SecurityTxtSettings, "[security_txt]"), "The public security contact.", None, shown_default="none"
    )
    log: LogSettings = setting(table(LogSettings, "[log]"), "The security log.", LogSettings())
    audit: AuditSettings = setting(table(AuditSettings, "[audit]"), "The audit log.", AuditSettings())
    intake: tuple[Source, ...] = setting(
        INTAKE,
        "Other systems' logs that `stockade serve` takes into the audit log, a `[[intake]]` each: name, kind, path, "
        "format … `stockade intake formats` lists the formats.",
        (),
        shown_default="none",
    )
    search: SearchSettings = setting(
        table(SearchSettings, "[search]"), "How the audit log is searched.", SearchSettings()
    )
    detect: DetectSettings | None = setting(
        table(DetectSettings, "[detect]"), "What reads the audit log as it grows.", None, shown_default="nothing"
    )
    traffic: TrafficSettings | None = setting(
        table(TrafficSettings, "[traffic]"), "What watches the traffic of this machine.", None, shown_default="nothing"
    )
    oauth: OAuthSettings = setting(
        table(OAuthSettings, "[oauth]"), "What applications get that people let in.", OAuthSettings()
    )
    respond: RespondSettings = setting(
        table(RespondSettings, "[respond]"), "What is done about a compromised account.", RespondSettings()
    )
    secrets: SecretsSettings = setting(
        table(SecretsSettings, "[secrets]"), "Where secrets are looked for.", SecretsSettings()
    )
    updates: UpdatesSettings | None = setting(
        table(UpdatesSettings, "[updates]"), "What keeps this machine up to date.", None, shown_default="nothing"
    )
    nftables: NftablesSettings = setting(
        table(NftablesSettings, "[nftables]"), "Bans in the packet filter.", NftablesSettings()
    )
    file: Path | None = field(default=None, compare=False)
    """The file that this was read from, which a running server follows."""
    stamp: Stamp | None = field(default=None, compare=False)
    """What that file looked like then, so that no change since is missed."""

    @property
    def written_rules(self) -> tuple[Rule, ...]:
        """The rules of the file itself, in the order in which kinds decide."""
        return tuple(each.rule() for kind in RULES for each in getattr(self, kind))

    @property
    def effective_preset(self) -> str:
        """The preset that holds: the one named, or the little forge's where the file has no rule."""
        return self.preset or ("none" if any(getattr(self, kind) for kind in RULES) else "forge")

    def state_directory(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Where state is kept."""
        return self.state if self.state != Path() else default_state(environ)

    def security_log(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Where the security log is written."""
        return self.log.path or self.state_directory(environ) / "security.log"

    def audit_log(self, environ: Mapping[str, str] = os.environ) -> Path:
        """The directory of the audit log."""
        return self.audit.log or self.state_directory(environ) / "audit"

    def audit_signer(self, environ: Mapping[str, str] = os.environ) -> Path:
        """The directory of its keys and its last head."""
        return self.audit.signer or self.state_directory(environ) / "audit-signer"

    def audit_secrets(self, environ: Mapping[str, str] = os.environ) -> Path:
        """The directory of the keys under which it conceals."""
        return self.audit.secrets or self.state_directory(environ) / "audit-secrets"

    def audit_origin(self) -> str:
        """What the audit log is called when it is made."""
        return self.audit.origin or f"{socket.gethostname() or 'localhost'}/stockade"

    def search_index(self, environ: Mapping[str, str] = os.environ) -> str:
        """Where the index of the audit log is kept, with the secrets in it filled in."""
        if self.search.index is not None:
            return self.search.index.open(environ)
        return f"sqlite:///{self.state_directory(environ).resolve() / 'search.db'}"

    def database_url(self, environ: Mapping[str, str] = os.environ) -> str:
        """Where accounts are kept, with the secrets in it filled in."""
        if self.database is not None:
            return self.database.open(environ)
        return f"sqlite:///{self.state_directory(environ).resolve() / 'directory.sqlite3'}"

    def sealing_key(self, environ: Mapping[str, str] = os.environ) -> Path:
        """The file of the key under which the directory seals what it must read again."""
        return self.directory_key or self.state_directory(environ) / "directory.key"


def default_state(environ: Mapping[str, str] = os.environ) -> Path:
    """``$STOCKADE_STATE``, else ``stockade`` in ``$XDG_STATE_HOME`` or ``~/.local/state`` (XDG Base Directory 0.8)."""
    if named := environ.get("STOCKADE_STATE"):
        return Path(named)
    home = environ.get("XDG_STATE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "state") / "stockade"


NEEDS_RESTART: Final = (
    "listen",
    "upstream",
    "workers",
    "state",
    "store",
    "store_deadline",
    "database",
    "breached_passwords",
    "git_hooks",
    "oauth",
    "audit",
    "detect",
    "traffic",
    "updates",
)
"""Settings that a running server reads once."""


def changed(one: Settings, other: Settings) -> tuple[str, ...]:
    """The names of the settings in which two configurations differ."""
    return tuple(f.name for f in fields(Settings) if f.compare and getattr(one, f.name) != getattr(other, f.name))
