"""A Django request as the facts that rules ask about."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject

from stockade.guard.gate import Guard
from stockade.guard.paths import normal
from stockade.guard.request import Identity, Request


class DjangoRequest(Request):
    """``http`` is Django's own; ``account`` its user, where that had to be awaited; ``signed_in`` says whether a
    sign-in succeeded or failed while the request was served, None for no sign-in at all.
    """

    __slots__ = ("account", "http", "signed_in")

    http: HttpRequest
    account: Any
    signed_in: bool | None


def request_of(http: HttpRequest, guard: Guard) -> DjangoRequest:
    """The facts of a request; its route and its user are found out only when a rule asks."""
    header = http.headers.get
    request = DjangoRequest(
        guard.addresses.resolve(http.META.get("REMOTE_ADDR") or "", header),
        http.method or "",
        normal(http.path),
        header,
        http.META.get("QUERY_STRING", ""),
        identify=guard.identify,
        resolve=partial(route_of, http),
    )
    request.http, request.account, request.signed_in = http, None, None
    return request


def route_of(http: HttpRequest) -> str | None:
    """The route that will serve a request, as Django writes it: ``items/<int:id>/``."""
    try:
        return str(resolve(http.path_info, getattr(http, "urlconf", None)).route)
    except Resolver404:
        return None


def by_session(request: Request) -> Identity | None:
    """Whom Django's own authentication says it is: the user's name. Needs ``AuthenticationMiddleware`` further out."""
    if not isinstance(request, DjangoRequest):
        return None
    user = request.account or user_of(request.http)
    return Identity(user.get_username()) if user is not None and user.is_authenticated else None


def user_of(http: HttpRequest) -> Any:
    """The user; None where nobody can be signed in, so that a page without a session is not made to vary by cookie."""
    user = getattr(http, "user", None)
    lazy = isinstance(user, SimpleLazyObject)
    return None if lazy and settings.SESSION_COOKIE_NAME not in http.COOKIES else user


async def auser_of(http: HttpRequest) -> Any:
    """The same without waiting for the database."""
    if hasattr(http, "auser") and settings.SESSION_COOKIE_NAME in http.COOKIES:
        return await http.auser()
    return None
