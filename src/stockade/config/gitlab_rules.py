"""GitLab's throttles and bans: the preset's data, and what a configuration changes of it, become rules."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from importlib.resources import files
from operator import or_
from typing import Any, Final

from stockade.config.gitlab import GitLabSettings
from stockade.config.values import meant
from stockade.errors import ConfigurationError
from stockade.guard import conditions as ask
from stockade.guard.answers import TEXTS, Answers, Text
from stockade.guard.conditions import Condition
from stockade.guard.request import Request
from stockade.guard.rules import Allow2Ban, Rule, Safelist, Throttle

NEVER: Final = Condition(lambda _request: False, "never()")
SIGNED_IN: Final = ask.user() | ask.token()
BYPASS: Final = "throttle_bypass_header"


@cache
def preset() -> Mapping[str, Any]:
    """GitLab's own numbers and paths."""
    return tomllib.loads(files("stockade.guard").joinpath("presets/gitlab.toml").read_text(encoding="utf-8"))


def gitlab_rules(settings: GitLabSettings, environ: Mapping[str, str] = os.environ) -> tuple[Rule, ...]:
    """The preset's rules: bypass header, throttles that are enabled, the Git and registry ban.

    ``GITLAB_THROTTLE_BYPASS_HEADER``, ``_USER_ALLOWLIST`` and ``_DRY_RUN`` are heeded where the settings are silent.
    Raises ConfigurationError when a dry run names no throttle.
    """
    return (*_bypass(settings, environ), *_Throttles(settings, environ).rules(), *_ban(settings))


def gitlab_answers(settings: GitLabSettings) -> Answers:
    """GitLab's header fields and texts."""
    data = preset()
    throttled = settings.response_text or data["throttled"]
    texts = {
        **TEXTS,
        "throttle": _said(TEXTS["throttle"], throttled),
        "ban": _said(TEXTS["ban"], data["banned"]),
    }
    return Answers(texts, data["headers"])


def _said(text: Text, words: str) -> Text:
    return Text(text.status, words, text.title, text.type)


def _bypass(settings: GitLabSettings, environ: Mapping[str, str]) -> Iterator[Rule]:
    name = settings.bypass_header or environ.get("GITLAB_THROTTLE_BYPASS_HEADER", "")
    if name:
        yield Safelist(BYPASS, ask.header(name, "1"))


def _ban(settings: GitLabSettings) -> Iterator[Rule]:
    """A failure is a 401 that carried credentials; Git's first request, without them, is none."""
    given, data = settings.git_basic_auth, preset()["git_basic_auth"]
    if not (data["enabled"] if given.enabled is None else given.enabled):
        return
    trusted = given.ip_whitelist if given.ip_whitelist is not None else tuple(data["ip_whitelist"])
    asked = _path("git") | _path("lfs") | _path("registry")
    concerned = asked & ~ask.login(data["exempt_login"])
    if trusted:
        concerned &= ~ask.network(*trusted)
    yield Allow2Ban(
        data["name"],
        concerned & ask.credentials() & ask.status(401),
        over=concerned,
        reset=concerned & ask.login() & ask.status("2xx"),
        maxretry=given.maxretry or data["maxretry"],
        findtime=given.findtime or data["findtime"],
        bantime=given.bantime or data["bantime"],
    )


@dataclass(frozen=True)
class _Throttles:
    """The throttles of one configuration."""

    settings: GitLabSettings
    environ: Mapping[str, str]

    def rules(self) -> Iterator[Rule]:
        dry, data = self._dry_run(), preset()
        for entry in data["throttle"]:
            if self._enabled(entry):
                changed = self.settings.throttle(_setting(entry))
                yield Throttle(
                    entry["name"],
                    self._when(entry),
                    limit=entry["limit"] if changed.limit is None else changed.limit,
                    period=changed.period or entry["period"],
                    by=project if entry["by"] == "project" else entry["by"],
                    window=data["window"],
                    shadow="*" in dry or entry["name"] in dry,
                )

    def _enabled(self, entry: Mapping[str, Any]) -> bool:
        changed = self.settings.throttle(_setting(entry)).enabled
        if entry["requests"].startswith("get_") and not self._protected_paths("GET"):
            return False
        return bool(entry["enabled"] if changed is None else changed)

    def _protected_paths(self, method: str) -> tuple[str, ...]:
        name = "protected_paths" if method == "POST" else "protected_paths_get"
        given: tuple[str, ...] | None = getattr(self.settings, name)
        return tuple(preset()[name]) if given is None else given

    def _when(self, entry: Mapping[str, Any]) -> Condition:
        """The class of requests, less the exceptions, less what an enabled special throttle takes over."""
        classes = self._classes()
        when = classes[entry["requests"]]
        left_out = [classes[name] for name in entry.get("except", ())]
        left_out += [classes[e["requests"]] for e in self._enabled_ones(entry.get("superseded_by", ()))]
        if left_out:
            when &= ~reduce(or_, left_out)
        if entry["by"] == "identity":
            return when & SIGNED_IN & self._not_allowlisted()
        return when & ~SIGNED_IN if entry["by"] == "address" else when

    def _enabled_ones(self, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
        return [e for e in preset()["throttle"] if e["name"] in names and self._enabled(e)]

    def _not_allowlisted(self) -> Condition:
        listed = self.settings.user_allowlist or _listed(self.environ.get("GITLAB_THROTTLE_USER_ALLOWLIST", ""))
        return ~ask.user(*listed) if listed else ~NEVER

    def _classes(self) -> dict[str, Condition]:
        """The classes of requests that GitLab tells apart."""
        plain = {name: _path(name) for name in preset()["requests"]}
        # A request from GitLab's own pages counts with the pages. Only who is signed in is believed to be one: the
        # header alone would move anybody's API requests out of the API throttle.
        frontend = plain["api"] & SIGNED_IN & ask.header("x-csrf-token")
        web = (~plain["api"] & ~plain["health"]) | frontend
        protected, get_protected = self._protected("POST"), self._protected("GET")
        return {
            **plain,
            "frontend": frontend,
            "web": web,
            "deprecated": plain["group"] & ~ask.query("with_projects", "false"),
            "protected": protected,
            "protected_api": protected & plain["api"] & ~frontend,
            "protected_web": protected & web,
            "get_protected": get_protected,
            "get_protected_api": get_protected & plain["api"] & ~frontend,
            "get_protected_web": get_protected & web,
        }

    def _protected(self, method: str) -> Condition:
        found = self._protected_paths(method)
        return ask.method(method) & ask.prefix(*found) if found else NEVER

    def _dry_run(self) -> frozenset[str]:
        """Which throttles only count. GitLab's older name for two of them is understood."""
        listed = self.settings.dry_run or _listed(self.environ.get("GITLAB_THROTTLE_DRY_RUN", ""))
        found = set(listed)
        if "throttle_unauthenticated" in found:
            found |= {"throttle_unauthenticated_api", "throttle_unauthenticated_web"}
        known = [entry["name"] for entry in preset()["throttle"]]
        for name in found - {"*", "throttle_unauthenticated", *known}:
            raise ConfigurationError(
                f'the dry run names "{name}", which is no throttle of GitLab{meant(name, known)}',
                remedy='Write names of throttles with commas between them, or "*".',
            )
        return frozenset(found)


def _setting(entry: Mapping[str, Any]) -> str:
    return str(entry.get("setting", entry["name"]))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@cache
def _path(name: str) -> Condition:
    pattern = re.compile(preset()["requests"][name])
    return Condition(lambda request: pattern.match(request.path), f"{name}()")


def project(request: Request) -> str | None:
    """The project of an alert's endpoint: its path without what follows."""
    found = re.match(r"(.+?)/(?:prometheus/)?alerts/notify", request.path)
    return found[1] if found else None
