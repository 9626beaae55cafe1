"""System checks: what is wrong with the guard's place in this project, each with what to do about it.

``stockade.E001`` the setting cannot be followed · ``E002`` the middleware is missing · ``E003`` it stands where users
are not known yet · ``W001`` each process would count for itself · ``W002`` a proxy is trusted elsewhere and not here ·
``W003`` there are no rules · ``W004`` rules about sign-ins, without ``django.contrib.auth``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Warned
from django.utils.module_loading import import_string

from stockade.django.request import by_session
from stockade.django.setting import guard
from stockade.errors import ConfigurationError
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.rules import Metered, Rule

OURS = "stockade.django.middleware.GuardMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
FORWARDING = ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")


def register() -> None:
    """Have ``manage.py check`` run these checks."""
    checks.register(check_guard, checks.Tags.security)
    checks.register(check_store, checks.Tags.security, deploy=True)


def check_guard(**_: Any) -> list[CheckMessage]:
    """What is wrong wherever the project runs."""
    try:
        found = guard()
    except ConfigurationError as error:
        return [Error(error.message, hint=error.remedy, id="stockade.E001")]
    return [*_middleware(found), *_proxies(found), *_rules(found)]


def check_store(**_: Any) -> list[CheckMessage]:
    """What is wrong where the project is deployed."""
    try:
        alone = isinstance(guard().store, MemoryStore)
    except ConfigurationError:
        return []
    said = "Counters and bans live in the memory of each process: several workers multiply every limit."
    hint = 'Let them share a store: STOCKADE = {…, "store": SharedStore("/run/stockade/guard")}.'
    return [Warned(said, hint=hint, id="stockade.W001")] if alone else []


def _middleware(found: Guard) -> Iterator[CheckMessage]:
    ours, authentication = _place(OURS), _place(AUTHENTICATION)
    if ours is None:
        hint = f"Put {OURS!r} into MIDDLEWARE, after {AUTHENTICATION!r}."
        yield Error("The guard stands in front of nothing: its middleware is missing.", hint=hint, id="stockade.E002")
    elif found.identify is by_session and (authentication is None or ours < authentication):
        asking = [rule.name for rule in found.policy.rules if _asks_who(rule)]
        if asking:
            said = f"{', '.join(asking)} asks who somebody is, and the guard stands where nobody knows yet."
            hint = f"Put {OURS!r} after {AUTHENTICATION!r} in MIDDLEWARE."
            yield Error(said, hint=hint, id="stockade.E003")


def _proxies(found: Guard) -> Iterator[CheckMessage]:
    trusted = [name for name in FORWARDING if getattr(settings, name, None)]
    if trusted and not found.addresses.trusted:
        said = f"{trusted[0]} trusts a proxy that the guard does not know, so all its clients count as one."
        hint = 'Declare where it connects from: STOCKADE = {…, "trusted_proxies": ["10.0.0.0/8"]}.'
        yield Warned(said, hint=hint, id="stockade.W002")


def _rules(found: Guard) -> Iterator[CheckMessage]:
    rules = found.policy.rules
    if not rules and not found.companions:
        hint = 'Write STOCKADE = {"rules": [Throttle("all", limit=300, period=60)]}, for a start.'
        yield Warned("The guard has no rules, and so stops nothing.", hint=hint, id="stockade.W003")
    if not apps.is_installed("django.contrib.auth") and any("sign_in_failed()" in _text(rule) for rule in rules):
        said = "A rule counts failed sign-ins, and django.contrib.auth, which tells of them, is not installed."
        hint = "Add it to INSTALLED_APPS, or count statuses: path('/login') & status(401)."
        yield Warned(said, hint=hint, id="stockade.W004")


def _asks_who(rule: Rule) -> bool:
    by = rule.by if isinstance(rule, Metered) else ()
    kinds: Sequence[object] = [by] if isinstance(by, str) or callable(by) else by
    return not {"user", "identity"}.isdisjoint(k for k in kinds if isinstance(k, str)) or bool(
        re.search(r"\buser\(", _text(rule))
    )


def _text(rule: Rule) -> str:
    return " ".join(repr(getattr(rule, name, None)) for name in ("when", "over", "reset"))


def _place(dotted: str) -> int | None:
    """Where a middleware, or one made of it, stands in MIDDLEWARE."""
    if dotted == AUTHENTICATION and not apps.is_installed("django.contrib.auth"):
        return None
    wanted = import_string(dotted)
    for at, name in enumerate(settings.MIDDLEWARE):
        found = import_string(name)
        if isinstance(found, type) and issubclass(found, wanted):
            return at
    return None
