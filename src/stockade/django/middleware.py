"""The guard as Django middleware, for WSGI and ASGI alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from stockade.django.request import auser_of, by_session, request_of
from stockade.django.setting import guard
from stockade.errors import ConfigurationError
from stockade.guard.answers import ASTRAY, Answer
from stockade.guard.asgi import JUDGES, current
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.paths import below, climbs
from stockade.guard.workers import warn_if_alone


class GuardMiddleware:
    """``"stockade.django.middleware.GuardMiddleware"`` in ``MIDDLEWARE``: after ``AuthenticationMiddleware`` when rules
    ask who somebody is, else as far out as can be.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.guard = guard()
        self.awaits = iscoroutinefunction(get_response)
        self.first = True
        if self.awaits:
            markcoroutinefunction(self)
        elif self.guard.awaits:
            raise ConfigurationError(
                "the guard's store must be awaited, and this project is served without asyncio",
                remedy="Serve the project over ASGI, or give the guard a store that is asked without awaiting.",
            )

    def __call__(self, http: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if not self.guard.enabled or self.guard in judges_of(http):
            return self.get_response(http)
        if self.first:
            self.first = False
            warn_if_alone(self.guard, at_least=2 if _has_company(http) else 1)
        return self._later(http) if self.awaits else self._now(http)

    def _now(self, http: HttpRequest) -> HttpResponseBase:
        decision = self._remembered(http, self.guard.decide(request_of(http, self.guard)))
        if not decision.allowed:
            return response_of(self.guard.refusal(decision))
        if not straightened(http, decision.request.path):
            return response_of(ASTRAY)
        judged = current.set(decision)
        try:
            response = self._told(decision, self.get_response(http))
        finally:
            current.reset(judged)  # the thread goes on to serve others
        self.guard.settle(decision, response.status_code)
        return response

    async def _later(self, http: HttpRequest) -> HttpResponseBase:
        request = request_of(http, self.guard)
        if self.guard.identify is by_session:
            request.account = await auser_of(http)
        decision = self._remembered(http, await self.guard.adecide(request))
        if not decision.allowed:
            return response_of(self.guard.refusal(decision))
        if not straightened(http, request.path):
            return response_of(ASTRAY)
        judged = current.set(decision)
        try:
            response = self._told(decision, await self.get_response(http))
        finally:
            current.reset(judged)  # what awaits this may be a thread that goes on to serve others
        await self.guard.asettle(decision, response.status_code)
        return response

    def _remembered(self, http: HttpRequest, decision: Decision) -> Decision:
        """The decision, where views, signals and a second mounting of the middleware find it."""
        http.META[JUDGES] = (*judges_of(http), self.guard)
        http.stockade = decision
        return decision

    def _told(self, decision: Decision, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in self.guard.answers.quota_headers(decision, self.guard.clock()):
            response.headers[name] = value
        return response


def straightened(http: HttpRequest, judged: str) -> bool:
    """Have Django resolve the path that was judged, where the request's goes up; false when that leads out of where the
    project is mounted.
    """
    if climbs(http.path):
        inner = below(judged, http.META.get("SCRIPT_NAME") or "")
        if inner is None:
            return False
        http.path, http.path_info = judged, inner or "/"
    return True


def _has_company(http: HttpRequest) -> bool:
    """Does a WSGI server say that it has several processes? (Django says so of every request for ASGI or a test.)"""
    return bool(http.META.get("wsgi.multiprocess")) and "SERVER_SOFTWARE" in http.META


def judges_of(http: HttpRequest) -> tuple[Guard, ...]:
    """The guards that have judged a request, in front of Django or in it."""
    around: Mapping[str, Any] = getattr(http, "scope", {})
    judges: tuple[Guard, ...] = http.META.get(JUDGES) or around.get(JUDGES, ())
    return judges


def response_of(answer: Answer) -> HttpResponse:
    """A refusal as Django's response."""
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
