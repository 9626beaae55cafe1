"""Django says that somebody signed in, or failed to; the request remembers it until its answer is judged."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.signals import setting_changed

from stockade.django.setting import guard
from stockade.guard.asgi import current
from stockade.guard.decision import Decision


def connect() -> None:
    """Listen to sign-ins, and to tests that change the setting; a second time changes nothing."""
    user_logged_in.connect(_signed_in, dispatch_uid="stockade.signed_in")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="stockade.sign_in_failed")
    setting_changed.connect(_setting_changed, dispatch_uid="stockade.setting")


def _signed_in(request: Any = None, **_: Any) -> None:
    _remember(request, succeeded=True)


def _sign_in_failed(request: Any = None, **_: Any) -> None:
    _remember(request, succeeded=False)


def _remember(http: Any, *, succeeded: bool) -> None:
    """Not every caller of ``authenticate`` hands it the request; then it is the one being served."""
    decision: Decision | None = getattr(http, "stockade", None) or current.get(None)
    if decision is not None:
        decision.request.signed_in = succeeded  # type: ignore[attr-defined]


def _setting_changed(setting: str = "", **_: Any) -> None:
    if setting == "STOCKADE":
        guard.cache_clear()
