"""Git over SSH for one connection: the directory, the log and the repositories of a configuration, opened quickly.

Two processes start for each connection, so nothing is loaded, looked at or migrated here that need not be.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from stockade.config import Settings
from stockade.directory import BuiltinDirectory
from stockade.errors import StockadeError
from stockade.gateway.ssh import Shell, authorized_keys
from stockade.guard.networks import Networks
from stockade.securitylog import SecurityLog


def known_key(settings: Settings, kind: str, key: str, command: list[str]) -> str | None:
    """The line for sshd about a key that a client offers; None when it opens nothing."""
    with BuiltinDirectory(settings.database_url()) as directory:
        return authorized_keys(directory, kind, key, time.time(), command=command)


@contextmanager
def shell(settings: Settings) -> Iterator[Shell]:
    """What a client finds behind its key; what it does is recorded as other processes do."""
    from stockade.app.recording import OperatorsLog, Recording

    log = SecurityLog(settings.security_log(), max_size=settings.log.max_size, keep=settings.log.keep)
    with closing(OperatorsLog(settings, lambda _key: None)) as way:
        recording = Recording(log, way if settings.audit.enabled else None, settings.audit.deadline)
        with BuiltinDirectory(settings.database_url(), record=recording, insist=recording.insist) as directory:
            root = settings.state_directory() / "repositories"
            yield Shell(directory, root, recording, time.time, partial(_banned, settings))


def _banned(settings: Settings, name: str, source: str | None) -> bool:
    """Whether the guard has banned this account or this address; a store that cannot be asked bans nobody."""
    from stockade.app.stockade import Stockade

    try:
        return any(_concerns(ban.client, name, source) for ban in Stockade(settings).bans())
    except StockadeError:
        return False


def _concerns(client: str, name: str, source: str | None) -> bool:
    if client.startswith(("user:", "token:")):
        return client == f"user:{name}"
    return source is not None and source in Networks([client.removeprefix("network:")])
