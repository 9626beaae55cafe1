"""Where slow work is done, so that the loop need not wait: SQL in one pool of threads, password hashing in another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Final, ParamSpec, TypeVar

from stockade.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
WAITING: Final = 128
"""Passwords that may wait for their turn; argon2id takes tens of milliseconds each, so more would only wait in vain."""


async def queried(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function that asks the database answers."""
    return await asyncio.get_running_loop().run_in_executor(_queries(), partial(function, *args, **kwargs))


async def hashed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function that hashes a password answers; raises Unavailable when too many wait already."""
    pool = _hashes()
    if pool._work_queue.qsize() >= WAITING:
        raise Unavailable("Too many passwords are being checked.", remedy="Try again in a few seconds.")
    return await asyncio.get_running_loop().run_in_executor(pool, partial(function, *args, **kwargs))


@cache
def _queries() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, "stockade-sql")


@cache
def _hashes() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "stockade-argon2")
