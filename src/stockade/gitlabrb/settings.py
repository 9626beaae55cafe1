"""The settings of ``/etc/gitlab/gitlab.rb`` that are about throttles, bans and trusted proxies, one function each."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from stockade.gitlabrb.account import Account
from stockade.gitlabrb.statements import Statement
from stockade.gitlabrb.values import Text, Unreadable, Value

Setting = Callable[[Account, Statement, Value], None]

# What GitLab itself takes for what the block leaves out.
BAN_DEFAULTS: dict[str, Value] = {
    "enabled": False,
    "ip_whitelist": ["127.0.0.1"],
    "maxretry": 10,
    "findtime": 60,
    "bantime": 3600,
}
PROTECTED_DEFAULTS: dict[str, Value] = {"enabled": True, "limit": 10, "period": 60}

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
THROTTLES = frozenset(
    {
        "*",
        *(
            f"throttle_{who}_{what}"
            for who in ("authenticated", "unauthenticated")
            for what in ("api", "web", "git_http")
        ),
        *(
            f"throttle_{who}_{what}_api"
            for who in ("authenticated", "unauthenticated")
            for what in ("packages", "files")
        ),
        *(f"throttle_{who}_deprecated_api" for who in ("authenticated", "unauthenticated")),
        *(f"throttle_authenticated_{get}protected_paths_{what}" for get in ("", "get_") for what in ("api", "web")),
        *(f"throttle_unauthenticated_{get}protected_paths" for get in ("", "get_")),
        *("throttle_authenticated_git_lfs", "throttle_product_analytics_collector"),
        "throttle_incident_management_notification_web",
    }
)
_RELATIVE_ROOT = re.compile(r"#\{(?:Rails\.application|Gitlab::Application)\.config\.relative_url_root\}")
_API_VERSION = "#{API::API.version}"


def git_basic_auth(account: Account, statement: Statement, value: Value) -> None:
    """``rack_attack_git_basic_auth``: the ban for failed authentication on Git and the container registry."""
    if not isinstance(value, dict):
        raise Unreadable("a table is expected")
    ban = dict(BAN_DEFAULTS)
    for key, given in value.items():
        if key not in BAN_DEFAULTS:
            account.note("untranslated", statement, f"‘{key}’ is no setting of this ban")
        elif (read := _ban_setting(account, statement, key, given)) is not None:
            ban[key] = read
    missing = [key for key in BAN_DEFAULTS if key not in value]
    if missing:
        account.note("assumed", statement, f"GitLab's own defaults for {', '.join(missing)}")
    account.set("git_basic_auth", ban, statement)


def _ban_setting(account: Account, statement: Statement, key: str, value: Value) -> Value:
    if key == "ip_whitelist":
        return networks(account, statement, value)
    fits = isinstance(value, bool) if key == "enabled" else _is_positive(value)
    read = plain(value) if isinstance(value, int | float) else value
    if fits and (key != "maxretry" or isinstance(read, int)):
        return read
    account.note("untranslated", statement, f"the value of ‘{key}’ is of the wrong kind; GitLab's default is used")
    return None


def _is_positive(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def plain(number: float) -> float:
    """A number as TOML is to have it: whole where it is whole."""
    return int(number) if not isinstance(number, bool) and number == int(number) else number


def networks(account: Account, statement: Statement, value: Value) -> list[str]:
    """A list of addresses and networks; what is neither is reported, as GitLab ignores it."""
    if not isinstance(value, list):
        raise Unreadable("a list of addresses is expected")
    return list(_networks(account, statement, value))


def _networks(account: Account, statement: Statement, items: list[Value]) -> Iterator[str]:
    for item in items:
        line = item.line if isinstance(item, Text) else statement.first
        try:
            network = ipaddress.ip_network(str(item).strip(), strict=False)
        except ValueError:
            account.note_line("untranslated", line, str(item), "not an address or a network")
            continue
        written = str(network) if "/" in str(item) else str(network.network_address)
        if written != str(item).strip():
            account.note_line("assumed", line, str(item), f"written as {written}, which means the same")
        yield written


def trusted_proxies(account: Account, statement: Statement, value: Value) -> None:
    """``trusted_proxies`` and nginx's ``real_ip_trusted_addresses``: both say whose word on the client is believed."""
    added, known = networks(account, statement, value), account.settings.get("trusted_proxies", [])
    if isinstance(known, list):
        account.settings["trusted_proxies"] = list(dict.fromkeys([*known, *added]))
    account.note("translated", statement, "trusted_proxies")


def real_ip_header(account: Account, statement: Statement, value: Value) -> None:
    """Where nginx finds the client's address."""
    if not _HEADER.fullmatch(str(value)) or value == "proxy_protocol":
        raise Unreadable("the client's address does not come in a header")
    account.settings["proxy_header"] = str(value).lower()
    account.note("translated", statement, "proxy_header")


def real_ip_recursive(account: Account, statement: Statement, value: Value) -> None:
    """Stockade always walks back over every trusted proxy."""
    if value == "on" or value is True:
        account.note("translated", statement, "Stockade, too, walks back over every trusted proxy")
    else:
        account.note("untranslated", statement, "Stockade walks back over every trusted proxy, not over the last only")


def response_text(account: Account, statement: Statement, value: Value) -> None:
    """``rate_limiting_response_text``: what a throttled client reads."""
    if not isinstance(value, str):
        raise Unreadable("a text is expected")
    account.set("response_text", str(value), statement)


def protected_paths(account: Account, statement: Statement, value: Value) -> None:
    """The paths whose POST requests are throttled."""
    account.set("protected_paths", paths(account, statement, value), statement)


def paths(account: Account, statement: Statement, value: Value) -> list[str]:
    """A list of paths; what GitLab would put in at run time is resolved, and said."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable("a list of paths is expected")
    return list(_paths(account, statement, value))


def _paths(account: Account, statement: Statement, items: list[str]) -> Iterator[str]:
    if any(_RELATIVE_ROOT.search(item) for item in items):
        account.note("assumed", statement, "GitLab is at the root of its site, so relative_url_root is left out")
    if any(_API_VERSION in item for item in items):
        account.note("assumed", statement, "API::API.version is v4")
    for item in items:
        path = _RELATIVE_ROOT.sub("", item).replace(_API_VERSION, "v4")
        line = item.line if isinstance(item, Text) else statement.first
        if "#{" in path:
            account.note_line("untranslated", line, path, "only Ruby can complete this path")
        else:
            yield path if path.startswith("/") else f"/{path}"


def protected_limit(account: Account, statement: Statement, value: Value) -> None:
    """``rate_limit_requests_per_period``, of the protected paths."""
    _protected(account, statement, "limit", value)


def protected_period(account: Account, statement: Statement, value: Value) -> None:
    """``rate_limit_period``, of the protected paths, in seconds."""
    _protected(account, statement, "period", value)


def _protected(account: Account, statement: Statement, key: str, value: Value) -> None:
    if not (isinstance(value, int | float) and _is_positive(value)):
        raise Unreadable("a positive number is expected")
    throttle = account.gitlab.setdefault("throttle_protected_paths", dict(PROTECTED_DEFAULTS))
    if isinstance(throttle, dict):
        throttle[key] = plain(value)
    account.note("translated", statement, f"gitlab.throttle_protected_paths.{key}")


def environment(account: Account, statement: Statement, value: Value) -> None:
    """``gitlab_rails['env']``: three of its variables are about throttles."""
    if not isinstance(value, dict):
        raise Unreadable("a table is expected")
    account.note("translated", statement, "environment")
    for name, given in value.items():
        if name in VARIABLES:
            VARIABLES[name](account, statement, given)
        else:
            account.note_line("unrelated", statement.first, name, "a variable of other parts of GitLab")


def bypass_header(account: Account, statement: Statement, value: Value) -> None:
    """``GITLAB_THROTTLE_BYPASS_HEADER``."""
    if not _HEADER.fullmatch(str(value)):
        raise Unreadable("the name of a header is expected")
    account.set("bypass_header", str(value), statement)


def user_allowlist(account: Account, statement: Statement, value: Value) -> None:
    """``GITLAB_THROTTLE_USER_ALLOWLIST``: numbers of users; GitLab ignores what is none."""
    users = []
    for item in _items(value):
        if item.isascii() and item.isdigit() and len(item) < 19:
            users.append(int(item))
        else:
            account.note_line("untranslated", statement.first, item, "not the number of a user")
    account.set("user_allowlist", users, statement)


def dry_run(account: Account, statement: Statement, value: Value) -> None:
    """``GITLAB_THROTTLE_DRY_RUN``: names of throttles, or ``*``; one old name stands for two."""
    names: list[str] = []
    for item in _items(value):
        if item == "throttle_unauthenticated":
            names += ["throttle_unauthenticated_api", "throttle_unauthenticated_web"]
        elif item in THROTTLES:
            names.append(item)
        else:
            account.note_line("untranslated", statement.first, item, "not the name of a throttle that Stockade knows")
    account.set("dry_run", list(dict.fromkeys(names)), statement)


def _items(value: Value) -> list[str]:
    return [item for part in str(value).split(",") if (item := part.strip())]


VARIABLES: dict[str, Setting] = {
    "GITLAB_THROTTLE_BYPASS_HEADER": bypass_header,
    "GITLAB_THROTTLE_USER_ALLOWLIST": user_allowlist,
    "GITLAB_THROTTLE_DRY_RUN": dry_run,
}

SETTINGS: dict[tuple[str, ...], Setting] = {
    ("gitlab_rails", "rack_attack_git_basic_auth"): git_basic_auth,
    ("gitlab_rails", "rack_attack_protected_paths"): protected_paths,
    ("gitlab_rails", "rack_attack_paths_to_be_protected"): protected_paths,
    ("gitlab_rails", "rate_limit_requests_per_period"): protected_limit,
    ("gitlab_rails", "rate_limit_period"): protected_period,
    ("gitlab_rails", "rate_limiting_response_text"): response_text,
    ("gitlab_rails", "trusted_proxies"): trusted_proxies,
    ("gitlab_rails", "env"): environment,
    ("nginx", "real_ip_trusted_addresses"): trusted_proxies,
    ("nginx", "real_ip_header"): real_ip_header,
    ("nginx", "real_ip_recursive"): real_ip_recursive,
    **{("gitlab_rails", "env", name): setting for name, setting in VARIABLES.items()},
    **{("ENV", name): setting for name, setting in VARIABLES.items()},
}
