"""The pages of the test project: sign-ins of every kind, and a few things to limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.contrib.auth import aauthenticate, alogin, authenticate
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from stockade import Fail2Ban, Throttle, status
from stockade.django.decorators import limited


def page(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse("page")


def api_login(request: HttpRequest) -> HttpResponse:
    """A sign-in that hands nobody the request, and answers 200 whatever happens."""
    user = authenticate(username=request.GET["name"], password=request.GET["password"])
    return HttpResponse("welcome" if user else "wrong")


async def later_login(request: HttpRequest) -> HttpResponse:
    user = await aauthenticate(request, username=request.GET["name"], password=request.GET["password"])
    if user is not None:
        await alogin(request, user)
    return HttpResponse("welcome" if user else "wrong")


def mine(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())  # type: ignore[attr-defined, unused-ignore]


@limited(Throttle("reports", limit=1, period=86400))
def report(request: HttpRequest, year: int) -> HttpResponse:
    return HttpResponse(str(year))


@limited(Throttle("later", limit=1, period=86400))
async def later(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse("later")


@method_decorator(
    limited(Fail2Ban("guesses", maxretry=2, findtime=86400, bantime=86400, when=status(404))), name="dispatch"
)
class Guess(View):  # type: ignore[misc]  # Django has no types
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("no", status=404)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts_later() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.sleep(3600)

    def parts() -> Iterator[bytes]:
        yield b"first\n"
        yield b"second\n"

    return StreamingHttpResponse(parts_later() if hasattr(request, "scope") else parts())


urlpatterns = [
    path("", page),
    path("items/<int:number>/", page),
    path("in/", include([path("deep/<slug:name>/", page)])),
    path("accounts/login/", LoginView.as_view()),
    path("api/login/", api_login),
    path("later/login/", later_login),
    path("mine/", mine),
    path("report/<int:year>/", report),
    path("later/", later),
    path("guess/", Guess.as_view()),
    path("stream/", stream),
]
