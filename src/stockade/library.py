"""The guard as a library: all that a Python program needs of it, under one roof."""

from stockade.errors import ConfigurationError, Refused, StockadeError, Tampered, Unavailable
from stockade.guard.answers import Answers, Text
from stockade.guard.asgi import GuardMiddleware
from stockade.guard.conditions import (
    Condition,
    credentials,
    header,
    login,
    method,
    network,
    path,
    prefix,
    query,
    regex,
    route,
    status,
    token,
    user,
)
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.request import Identity, Request
from stockade.guard.rules import Allow2Ban, Blocklist, Fail2Ban, Safelist, Throttle, Track
from stockade.guard.shared import SharedStore

__all__ = [
    "Allow2Ban",
    "Answers",
    "Blocklist",
    "Condition",
    "ConfigurationError",
    "Fail2Ban",
    "Guard",
    "GuardMiddleware",
    "Identity",
    "MemoryStore",
    "Refused",
    "Request",
    "Safelist",
    "SharedStore",
    "StockadeError",
    "Tampered",
    "Text",
    "Throttle",
    "Track",
    "Unavailable",
    "credentials",
    "header",
    "login",
    "method",
    "network",
    "path",
    "prefix",
    "query",
    "regex",
    "route",
    "status",
    "token",
    "user",
]
