"""What of GitLab's preset a configuration may change, under GitLab's own names."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from stockade.config.kinds import HEADER_NAME, NETWORKS
from stockade.config.source import Place
from stockade.config.tables import setting, table
from stockade.config.values import DURATION, DURATIONS, FLAG, TEXT, TEXTS, Kind, number, shown, whole


def _read_names(value: object, place: Place) -> tuple[str, ...]:
    """A list of names, or GitLab's own way: one text with commas."""
    listed = value.split(",") if isinstance(value, str) else value
    if isinstance(listed, list):
        listed = [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in listed]
    return tuple(name.strip() for name in TEXTS.read(listed, place) if name.strip())


NAMES: Final[Kind[tuple[str, ...]]] = Kind("list of texts, or one with commas", _read_names)


def _read_paths(value: object, place: Place) -> tuple[str, ...]:
    found = TEXTS.read(value, place)
    for each in found:
        if not each.startswith("/"):
            raise place.wrong(f"{place.key} holds {shown(each)}, not a path", "Begin every path with /.")
    if len(found) > 100:
        raise place.wrong(f"{place.key} holds {len(found)} paths", "GitLab takes at most 100.")
    return found


PATHS: Final[Kind[tuple[str, ...]]] = Kind("list of paths", _read_paths)


@dataclass(frozen=True, kw_only=True)
class GitBasicAuthSettings:
    """The ban of who keeps failing to sign in over Git and to the container registry, counted together."""

    enabled: bool | None = setting(FLAG, "Ban at all.", None, shown_default="true")
    ip_whitelist: tuple[str, ...] | None = setting(
        NETWORKS, "Addresses and networks whose failures do not count.", None, shown_default="[]"
    )
    maxretry: int | None = setting(whole(1, 1_000_000), "How many failures ban.", None, shown_default="30")
    findtime: float | None = setting(DURATION, "The time within which they count together.", None, shown_default='"3m"')
    bantime: tuple[float, ...] | None = setting(DURATIONS, "How long a ban lasts.", None, shown_default='"1h"')


@dataclass(frozen=True, kw_only=True)
class GitLabThrottle:
    """One of GitLab's throttles; what is not written stays as GitLab has it."""

    enabled: bool | None = setting(FLAG, "Is it on?", None, shown_default="GitLab's")
    limit: float | None = setting(
        number(0), "How many requests there may be in a period.", None, shown_default="GitLab's"
    )
    period: float | None = setting(DURATION, "How long a period is.", None, shown_default="GitLab's")


UNCHANGED: Final = GitLabThrottle()


def _throttle(meaning: str) -> GitLabThrottle:
    found: GitLabThrottle = setting(
        table(GitLabThrottle, "[gitlab.throttle_…]"), meaning, UNCHANGED, shown_default="GitLab's"
    )
    return found


@dataclass(frozen=True, kw_only=True)
class GitLabSettings:
    """Changes to the GitLab preset; they count only with ``preset = "gitlab"``."""

    git_basic_auth: GitBasicAuthSettings = setting(
        table(GitBasicAuthSettings, "[gitlab.git_basic_auth]"),
        "The ban of failed sign-ins over Git and the registry.",
        GitBasicAuthSettings(),
        shown_default="GitLab's",
    )
    protected_paths: tuple[str, ...] | None = setting(
        PATHS, "Prefixes of paths whose POST requests are throttled.", None, shown_default="GitLab's eleven"
    )
    protected_paths_get: tuple[str, ...] | None = setting(
        PATHS, "Prefixes of paths whose GET requests are throttled.", None, shown_default="[]"
    )
    bypass_header: str = setting(
        HEADER_NAME,
        "A request with this header exactly 1 passes everything; the proxy in front must erase it.",
        "",
        shown_default="$GITLAB_THROTTLE_BYPASS_HEADER",
    )
    user_allowlist: tuple[str, ...] = setting(
        NAMES, "Users that no throttle counts.", (), shown_default="$GITLAB_THROTTLE_USER_ALLOWLIST"
    )
    dry_run: tuple[str, ...] = setting(
        NAMES,
        'Throttles that are counted and never enforced; "*" is all.',
        (),
        shown_default="$GITLAB_THROTTLE_DRY_RUN",
    )
    response_text: str | None = setting(TEXT, "What throttled clients are told.", None, shown_default='"Retry later"')
    throttle_unauthenticated_api: GitLabThrottle = _throttle("API requests of who is not signed in, by address.")
    throttle_unauthenticated_web: GitLabThrottle = _throttle("Pages for who is not signed in, by address.")
    throttle_authenticated_api: GitLabThrottle = _throttle("API requests, by user or token.")
    throttle_authenticated_web: GitLabThrottle = _throttle("Pages, by user or token.")
    throttle_unauthenticated_packages_api: GitLabThrottle = _throttle("The packages API, by address.")
    throttle_authenticated_packages_api: GitLabThrottle = _throttle("The packages API, by user or token.")
    throttle_unauthenticated_files_api: GitLabThrottle = _throttle("The repository files API, by address.")
    throttle_authenticated_files_api: GitLabThrottle = _throttle("The repository files API, by user or token.")
    throttle_unauthenticated_deprecated_api: GitLabThrottle = _throttle("Deprecated API requests, by address.")
    throttle_authenticated_deprecated_api: GitLabThrottle = _throttle("Deprecated API requests, by user or token.")
    throttle_authenticated_git_lfs: GitLabThrottle = _throttle("Git LFS, by user or token.")
    throttle_unauthenticated_git_http: GitLabThrottle = _throttle("Git over HTTP, by address.")
    throttle_authenticated_git_http: GitLabThrottle = _throttle("Git over HTTP, by user or token.")
    throttle_protected_paths: GitLabThrottle = _throttle("The protected paths, by address, and by user or token.")
    throttle_product_analytics_collector: GitLabThrottle = _throttle("The product analytics collector, by its aid.")
    throttle_incident_management_notification: GitLabThrottle = _throttle("Alert notifications, by project.")

    def throttle(self, name: str) -> GitLabThrottle:
        """What is changed of the throttle whose settings have this name."""
        found = getattr(self, name)
        assert isinstance(found, GitLabThrottle), name  # noqa: S101  the preset names settings that exist
        return found


THROTTLES: Final = tuple(f.name for f in fields(GitLabSettings) if f.name.startswith("throttle_"))
