"""Stockade decides whether a request may pass: throttles, bans and lists for any Python web application.

>>> from stockade import Guard, Throttle, path
>>> guard = Guard(Throttle("sign-in", limit=10, period=60, when=path("/login")))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from stockade.library import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        """Loaded when it is first asked for, so that what has no guard in it starts without one."""
        return getattr(import_module("stockade.library"), name)

    def __dir__() -> list[str]:
        return [*globals(), *import_module("stockade.library").__all__]
