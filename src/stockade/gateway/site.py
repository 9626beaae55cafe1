"""What a gateway serves, and the one ASGI application that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stockade.directory import BuiltinDirectory
from stockade.directory.builtin.grants import IDLE
from stockade.directory.builtin.register import unheard
from stockade.errors import ConfigurationError
from stockade.events import Event
from stockade.gateway.git_hooks import Hooks
from stockade.gateway.metrics import LOOPBACK
from stockade.gateway.outbox import Deliver
from stockade.gateway.registry import Registry
from stockade.guard.gate import Guard


@dataclass(frozen=True)
class Site:
    """The parts of a gateway; what is None is not served.

    ``guard`` judges every request. ``directory`` knows the accounts, for ``repositories`` (bare, ``PROJECT.git``
    each), ``registry`` and the sign-in pages. ``upstream`` gets every other request, and all of them without a
    directory. ``security_txt`` is the text to serve by RFC 9116, ``deliver`` sends messages to people,
    ``metrics_for`` are the networks that may read ``/metrics``, and ``record`` hears what is read and written.
    ``hooks`` are run at a push; ``refresh_idle`` is how many seconds a refresh token works unused. Raises
    ConfigurationError for parts that need others.
    """

    guard: Guard
    directory: BuiltinDirectory | None = None
    repositories: Path | None = None
    registry: Registry | None = None
    upstream: str | None = None
    security_txt: str | None = None
    deliver: Deliver | None = None
    metrics_for: Sequence[str] = LOOPBACK
    record: Callable[[Event], None] = unheard
    clock: Callable[[], float] = time.time
    hooks: Hooks | None = None
    refresh_idle: float = IDLE

    def __post_init__(self) -> None:
        if self.directory is None and (self.repositories or self.registry):
            raise ConfigurationError(
                "Repositories and a registry need a directory of accounts.", remedy="Give the site a directory."
            )
