"""Git over SSH under a configuration: what the running server answers, and how it is done where none runs.

Where none does, two processes start for each connection, so nothing is loaded, looked at or migrated that need not be.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.config import Settings
from stockade.config.state import state_of
from stockade.directory import BuiltinDirectory
from stockade.errors import Refused, StockadeError, Unavailable
from stockade.gateway import ssh_knock
from stockade.gateway.git_hooks import Hooks
from stockade.gateway.ssh import Granted, Shell, authorized_keys
from stockade.guard.networks import Networks
from stockade.securitylog import SecurityLog

if TYPE_CHECKING:
    from stockade.app.recording import Recording

SOCKET: Final = "ssh"
AGAIN: Final = 0.5
"""Seconds between two looks whether what was granted still is."""
FRESH: Final = 0.25
"""Seconds for which the list of bans is good."""


def command(verb: str, settings: Settings) -> list[str]:
    """What sshd runs, whatever directory it is in: a process that asks the server, and becomes ``stockade ssh VERB``
    where none runs. ``verb`` is ``authorized-keys`` or ``serve``.
    """
    program = Path(sys.argv[0]).absolute()
    own = [str(program)] if os.access(program, os.X_OK) and program.is_file() else [sys.executable, "-m", "stockade"]
    otherwise = [*own, "ssh", verb, *([] if settings.file is None else ["--config", str(settings.file)])]
    asks = "key" if verb == "authorized-keys" else verb
    socket = str(settings.state_directory().absolute() / SOCKET)
    return [sys.executable, "-I", "-S", str(Path(ssh_knock.__file__)), asks, socket, *otherwise]


# ── where a server runs ──────────────────────────────────────────────────────────────────────────


def answer(settings: Settings, recording: Recording) -> None:
    """Answer those whom sshd starts, until SIGTERM."""
    from stockade.gateway.ssh_door import Door

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with BuiltinDirectory(settings.database_url(), record=recording, insist=recording.insist) as directory:
        Door(state_of(settings) / SOCKET, _shell(settings, directory, recording), _line(settings, directory)).open()
        signal.sigwait({signal.SIGTERM})


def _line(settings: Settings, directory: BuiltinDirectory) -> Callable[[str, str], str | None]:
    run = command("serve", settings)
    return lambda kind, key: authorized_keys(directory, kind, key, time.time(), command=run)


# ── where none does ──────────────────────────────────────────────────────────────────────────────


def known_key(settings: Settings, kind: str, key: str) -> str | None:
    """The line for sshd about a key that a client offers; None when it opens nothing."""
    with BuiltinDirectory(settings.database_url()) as directory:
        return _line(settings, directory)(kind, key)


def serve(settings: Settings, fingerprint: str, asked: str, *, source: str | None, protocol: str) -> int:
    """Serve Git to who has signed in; what they do is recorded as other processes do. The exit code of Git.

    Raises NotServed, UnknownCredentials and AccountBlocked, with a message for the client.
    """
    with shell(settings) as opened:
        if opened.hooks is not None:
            opened.hooks.prepare()
        granted = opened.grant(fingerprint, asked, source=source, protocol=protocol)
        heard, ended = ssh_knock.Heard(lambda: opened.tell(granted, {}), writes=granted.writes), list[str]()
        notes = ssh_knock.Notes(granted.variables)
        try:
            watch = partial(_until_refused, opened, granted, ended)
            return ssh_knock.carried(granted.argv, notes, heard, watch)
        except OSError as error:
            raise Unavailable(f"Git could not be served: {error.strerror}.", remedy="Install git.") from error
        finally:
            if granted.writes:
                opened.tell_push(granted, bytes(heard.asked), heard.answers, notes.taken(), *ended)
            elif ended:
                opened.tell(granted, {"reason": ended[0]}, "refused")


def _until_refused(shell: Shell, granted: Granted, ended: list[str]) -> str:
    while not ended:
        time.sleep(AGAIN)
        try:
            shell.look_again(granted)
        except Refused as refused:
            ended.append(refused.message)
        except StockadeError:
            continue  # who cannot be asked about goes on
    return ended[0]


@contextmanager
def shell(settings: Settings) -> Iterator[Shell]:
    """What a client finds behind its key."""
    from stockade.app.recording import OperatorsLog, Recording

    log = SecurityLog(settings.security_log(), max_size=settings.log.max_size, keep=settings.log.keep)
    with closing(OperatorsLog(settings, lambda _key: None)) as way:
        recording = Recording(log, way if settings.audit.enabled else None, settings.audit.deadline)
        with BuiltinDirectory(settings.database_url(), record=recording, insist=recording.insist) as directory:
            yield _shell(settings, directory, recording)


def _shell(settings: Settings, directory: BuiltinDirectory, recording: Recording) -> Shell:
    root = settings.state_directory() / "repositories"
    return Shell(directory, root, recording, time.time, Banned(settings), hooks_of(settings, directory))


def hooks_of(settings: Settings, directory: BuiltinDirectory) -> Hooks | None:
    """The Git hooks that may be run; None where the operator allows none."""
    if settings.git_hooks is None:
        return None
    return Hooks(directory, settings.git_hooks, settings.state_directory().absolute() / "git-hooks")


class Banned:
    """Whether the guard has banned an account or an address; a store that cannot be asked bans nobody. It is asked so
    seldom that any number of transfers can ask.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._asked, self._clients = settings, float("-inf"), list[str]()

    def __call__(self, name: str, source: str | None) -> bool:
        """Whether this account, or this address, is."""
        if time.monotonic() - self._asked > FRESH:
            self._clients, self._asked = self._ask(), time.monotonic()
        return any(_concerns(client, name, source) for client in self._clients)

    def _ask(self) -> list[str]:
        from stockade.app.stockade import Stockade

        try:
            return [ban.client for ban in Stockade(self._settings).bans()]
        except StockadeError:
            return []


def _concerns(client: str, name: str, source: str | None) -> bool:
    if client.startswith(("user:", "token:")):
        return client == f"user:{name}"
    return source is not None and source in Networks([client.removeprefix("network:")])
