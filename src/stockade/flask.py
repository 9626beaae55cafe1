"""The guard in front of a Flask application, limits of single views, and ``flask stockade``.

>>> Stockade(app, guard)  # doctest: +SKIP
>>> @app.get("/report")  # doctest: +SKIP
... @limited(Throttle("reports", limit=3, period=60))
... def report() -> str: ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import click
from flask import Flask, Response, abort, current_app, request
from flask.cli import AppGroup
from werkzeug.exceptions import HTTPException

from stockade.errors import ConfigurationError, StockadeError
from stockade.guard.gate import Guard
from stockade.guard.limit import Limit
from stockade.guard.listing import lifted, listed, refuse_unseen
from stockade.guard.rules import Rule
from stockade.guard.wsgi import JUDGED, Environ, GuardMiddleware

P = ParamSpec("P")
R = TypeVar("R")


class Stockade:
    """The extension: ``Stockade(app, guard)``, or ``Stockade(guard=guard)`` and later ``init_app(app)``."""

    def __init__(self, app: Flask | None = None, guard: Guard | None = None) -> None:
        self.guard = guard
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, guard: Guard | None = None) -> None:
        """Put the guard in front of an application; twice does no harm.

        Raises ConfigurationError without a guard, and for a store that must be awaited, which WSGI cannot do.
        """
        guard = guard or self.guard
        if guard is None:
            raise ConfigurationError("no guard to put in front of the application", remedy="Stockade(app, Guard(…))")
        if guard.awaits:
            raise ConfigurationError(
                "Flask cannot await the guard's store", remedy="Give the guard a store that is asked without awaiting."
            )
        app.wsgi_app = GuardMiddleware(app.wsgi_app, guard, partial(route_of, app))  # type: ignore[method-assign]
        app.extensions["stockade"] = guard
        app.cli.add_command(commands)


def limited(*rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that asks further rules before a view runs; stands below ``@app.route``.

    They stand beside the rules of the guard of whichever application the view is in. One decorator for several views
    is one counter.
    """
    limits: WeakKeyDictionary[Guard, Limit] = WeakKeyDictionary()

    def ask() -> None:
        guard = protecting()
        asked = limits.get(guard) or limits.setdefault(guard, Limit(guard, *rules))
        answer = asked.decide(request.environ.get(JUDGED))
        if answer is not None:
            abort(Response(answer.body, answer.status, list(answer.headers)))

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        return _awaiting(ask, view) if iscoroutinefunction(view) else _waiting(ask, view)

    return decorate


def _waiting(ask: Callable[[], None], view: Callable[P, R]) -> Callable[P, R]:
    @wraps(view)
    def within_limit(*args: P.args, **kwargs: P.kwargs) -> R:
        ask()
        return view(*args, **kwargs)

    return within_limit


def _awaiting(ask: Callable[[], None], view: Callable[P, Any]) -> Callable[P, Any]:
    @wraps(view)
    async def within_limit(*args: P.args, **kwargs: P.kwargs) -> Any:
        ask()
        return await view(*args, **kwargs)

    return within_limit


def protecting() -> Guard:
    """The guard in front of the current application. Raises ConfigurationError when there is none."""
    guard = current_app.extensions.get("stockade")
    if not isinstance(guard, Guard):
        raise ConfigurationError(
            "no guard stands in front of this application", remedy="Put one there: Stockade(app, Guard(…))."
        )
    return guard


def route_of(app: Flask, environ: Environ) -> str | None:
    """The route that will serve a request, as the application writes it: ``/items/<int:id>``."""
    adapter = app.create_url_adapter(app.request_class(environ))
    try:
        rule, _ = adapter.match(return_rule=True) if adapter else (None, {})
    except HTTPException:
        return None
    return rule.rule if rule else None


# ── flask stockade … ─────────────────────────────────────────────────────────────────────────────────

commands = AppGroup("stockade", short_help="See and lift bans.")


@commands.command()
def bans() -> None:
    """Who is banned, until when, and why."""
    _say(lambda guard: listed(guard.bans()))


@commands.command()
@click.argument("target")
@click.option("--seconds", type=float, help="How long; for ever without.")
@click.option("--reason", default="", help="Why, for whoever asks later.")
def ban(target: str, seconds: float | None, reason: str) -> None:
    """Ban an address, a network, user:NAME or token:NAME."""
    _say(lambda guard: listed([guard.ban(target, seconds, reason)]))


@commands.command()
@click.argument("target")
def unban(target: str) -> None:
    """Lift every ban of a target, and clear its counters."""
    _say(lambda guard: lifted(target, guard.unban(target)))


def _say(what: Callable[[Guard], str]) -> None:
    try:
        guard = protecting()
        refuse_unseen(guard)
        click.echo(what(guard))
    except StockadeError as error:
        raise click.ClickException(str(error)) from error
