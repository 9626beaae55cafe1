"""django-ratelimit: five decorators over Django's local-memory cache, above the same view without them."""

from __future__ import annotations

from collections.abc import Callable

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from bench.rounds import Round, above, each
from bench.rules import LIMITS

CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 1_000_000}}


def hello(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello\n")


def contestant() -> Round:
    settings.configure(CACHES={"default": CACHE}, ALLOWED_HOSTS=["*"])
    django.setup()
    from django_ratelimit.decorators import ratelimit

    limited = hello
    for period, limit in LIMITS.items():
        limited = ratelimit(key="ip", rate=f"{limit}/{period}s", group=f"per {period}")(limited)
    return above(each(called(limited)), each(called(hello)))


def called(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[str], object]:
    """Hand a view the request of a client."""
    factory = RequestFactory()
    request = factory.get("/")

    def ask(client: str) -> None:
        request.META["REMOTE_ADDR"] = client
        if view(request).status_code != 200:
            raise RuntimeError("not what was asked")

    return ask
