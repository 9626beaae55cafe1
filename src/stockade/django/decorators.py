"""Limits of single views: ``@limited(Throttle("reports", limit=3, period=60))``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from django.http import HttpRequest

from stockade.django.middleware import response_of
from stockade.django.setting import guard
from stockade.guard.gate import Guard
from stockade.guard.limit import Limit
from stockade.guard.rules import Rule

View = Callable[..., Any]
V = TypeVar("V", bound=View)


def limited(*rules: Rule) -> Callable[[V], V]:
    """Ask further rules before a view runs, beside those of ``STOCKADE``; for the methods of a class use
    ``method_decorator``. One decorator for several views is one counter.
    """
    limits: dict[Guard, Limit] = {}

    def limit() -> Limit:
        return limits.get(guard()) or limits.setdefault(guard(), Limit(guard(), *rules))

    def decorate(view: V) -> V:
        return cast("V", _awaiting(limit, view) if iscoroutinefunction(view) else _waiting(limit, view))

    return decorate


def _waiting(limit: Callable[[], Limit], view: View) -> View:
    @wraps(view)
    def within_limit(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = limit().decide(getattr(request, "stockade", None))
        return view(request, *args, **kwargs) if answer is None else response_of(answer)

    return within_limit


def _awaiting(limit: Callable[[], Limit], view: View) -> View:
    @wraps(view)
    async def within_limit(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = await limit().adecide(getattr(request, "stockade", None))
        return await view(request, *args, **kwargs) if answer is None else response_of(answer)

    return within_limit
