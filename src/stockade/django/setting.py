"""The setting ``STOCKADE`` becomes the guard of this process.

It is a dictionary of ``rules`` and of anything else that :class:`stockade.Guard` takes, or the dotted path to a guard
or to a function that makes one.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from stockade.django.request import by_session
from stockade.errors import ConfigurationError
from stockade.events import Event
from stockade.guard.gate import Guard
from stockade.guard.meter import MANUAL
from stockade.securitylog import line_of

KNOWN = ("rules", *list(inspect.signature(Guard).parameters)[1:])
GRAVE = {"guard.ban", "guard.proxy.undeclared", "guard.store.down", "guard.ban.refused"}
log = logging.getLogger("stockade")


@lru_cache(maxsize=1)
def guard() -> Guard:
    """The guard that ``STOCKADE`` describes, made once. Raises ConfigurationError for a setting it cannot follow."""
    said = getattr(settings, "STOCKADE", None)
    if isinstance(said, Mapping):
        return _made(dict(said))
    return _found(said)


def _made(options: dict[str, Any]) -> Guard:
    for name in options.keys() - set(KNOWN):
        near = get_close_matches(str(name), KNOWN, 1)
        meant = f"Did you mean {near[0]!r}?" if near else f"It knows {', '.join(KNOWN)}."
        raise ConfigurationError(f"STOCKADE has no setting {name!r}", remedy=meant)
    rules = options.pop("rules", ())
    return Guard(*rules, **{"identify": by_session, "record": written, **options})


def _found(said: object) -> Guard:
    try:
        found = import_string(said) if isinstance(said, str) else said
    except ImportError as error:
        raise ConfigurationError(
            f"STOCKADE names {said!r}, which cannot be imported: {error}", remedy="Write the dotted path to a function."
        ) from error
    made = found() if callable(found) and not isinstance(found, Guard) else found
    if not isinstance(made, Guard):
        raise ConfigurationError(
            f"STOCKADE is {made!r}, which is no guard",
            remedy='Write STOCKADE = {"rules": […]}, or the dotted path to a function that returns a Guard.',
        )
    return made


def written(event: Event) -> None:
    """An event in the log named ``stockade``, as a line of JSON; what needs attention as a warning, and bans unless
    they were placed by hand.
    """
    grave = event.action in GRAVE and event.details.get("rule") != MANUAL
    log.log(logging.WARNING if grave else logging.INFO, "%s", line_of(event).decode().rstrip())
