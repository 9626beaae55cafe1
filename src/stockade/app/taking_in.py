"""The intake at work: every source with its receiver, all into one audit log, in one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.waiting import Waiting
from stockade.errors import ConfigurationError, Refused, StockadeError, Unavailable
from stockade.events import Entry, Event
from stockade.intake.formats import reader
from stockade.intake.formats.mapped import FieldMap, parse
from stockade.intake.handover import Handover, Journal
from stockade.intake.ledger import Ledger
from stockade.intake.receivers.files import FileReceiver
from stockade.intake.settings import (
    FileSource,
    GitLabApiSource,
    HttpSource,
    IntakeSettings,
    SyslogSource,
)
from stockade.intake.taken import Reader
from stockade.lines.stamps import Dating

if TYPE_CHECKING:
    from stockade.config import Settings
    from stockade.intake.receivers.gitlab_api import GitLabApiReceiver

POLL: Final = 0.25
"""Seconds between two looks at a file that has not grown."""
AGAIN: Final = 1.0
"""Seconds before what was refused is tried again."""
TIDY: Final = 3600.0
"""Seconds between two times at which old identities are forgotten."""

Say = Callable[[str], None]


class IntoAuditLog:
    """The audit log as the intake hands events to it: a batch at a time, and no answer before its fate is certain."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def append(self, events: Sequence[Event]) -> int:
        """Record them; answers the number after the last. Raises Unavailable when some are not recorded."""
        fates, submitted = SimpleQueue[Waiting](), 0
        refused: StockadeError | None = None
        for event in events:
            try:
                self._log.submit(event, fates.put)
            except StockadeError as error:
                refused = error
                break
            submitted += 1
        known = [fates.get() for _ in range(submitted)]  # no time limit: a fate that is not known is worse than waiting
        refused = refused or next((fate.error for fate in known if fate.error is not None), None)
        if refused is not None:
            raise refused
        return max((fate.index for fate in known), default=-1) + 1

    def since(self, number: int) -> Iterable[Entry]:
        """The entries from a number on."""
        return entries(self._log.path, number)


class Intake:
    """All sources of some settings, ready. ``say`` takes what an operator should hear.

    Raises ConfigurationError for a source that cannot be followed, Unavailable for a ledger that cannot be had.
    """

    def __init__(self, settings: IntakeSettings, journal: Journal, *, say: Say) -> None:
        self.settings, self._say = settings, say
        for source in settings.sources:  # before anything is opened
            if not isinstance(source, GitLabApiSource):
                new_reader(source)
        self._ledger = Ledger(settings.ledger)
        try:
            self.handover = Handover(self._ledger, journal)
            self._files = [
                FileReceiver(source, new_reader(source), self.handover, say=say)
                for source in settings.sources
                if isinstance(source, FileSource)
            ]
            self._asked = [self._asking(s) for s in settings.sources if isinstance(s, GitLabApiSource)]
        except BaseException:
            self._ledger.close()
            raise

    def _asking(self, source: GitLabApiSource) -> GitLabApiReceiver:
        from stockade.intake.receivers.gitlab_api import GitLabApiReceiver

        return GitLabApiReceiver(source, self.handover, say=self._say)

    def once(self) -> dict[str, int]:
        """Take in what is there now, from files and by asking; answers how many lines or events of each source."""
        found = {each.source.name: each.step() for each in self._asked}
        for receiver in self._files:
            while receiver.step():
                pass
            found[receiver.source.name] = receiver.lines
        self._tidy()
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Take in until ``stop`` is set. Raises what no waiting can mend: ConfigurationError, Tampered."""
        with ExitStack() as stack:
            for server in await self._listen():
                stack.callback(server.close)  # not awaited: it would wait for senders to go, who stay for days
            work = [self._follow(each, POLL) for each in self._files]
            work += [self._follow(each, each.source.every) for each in self._asked]
            work += [self._serve(source) for source in self.settings.sources if isinstance(source, HttpSource)]
            tasks = [asyncio.create_task(each) for each in (*work, self._tidy_often(), _until(stop))]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended = [task for task in tasks if task.done()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in ended:
                task.result()

    async def _listen(self) -> list[asyncio.Server]:
        from stockade.intake.receivers.syslog import SyslogReceiver

        found = []
        for source in self.settings.sources:
            if isinstance(source, SyslogSource):
                receiver = SyslogReceiver(source, _maker(source), self.handover, say=self._say)
                found.append(await receiver.start())
                self._say(f"{source.name}: syslog over TLS on {source.host}:{source.port}")
        return found

    async def _follow(self, receiver: FileReceiver | GitLabApiReceiver, pause: float) -> None:
        """Step, and step again, for ever; what is away is waited for, and told of once."""
        told = ""
        while True:
            try:
                found = await asyncio.to_thread(receiver.step)
                told = ""
            except (Unavailable, Refused) as error:
                if error.message != told:
                    self._say(f"{receiver.source.name}: {error}")
                told, found = error.message, 0
                await asyncio.sleep(AGAIN)
            if not found or isinstance(receiver.source, GitLabApiSource):
                await asyncio.sleep(pause)

    async def _serve(self, source: HttpSource) -> None:
        from stockade.app.receiving import serve
        from stockade.intake.receivers.http import HttpReceiver

        receiver = HttpReceiver(source, _maker(source), self.handover)
        await serve(source, receiver, self._say)

    async def _tidy_often(self) -> None:
        while True:
            await asyncio.to_thread(self._tidy)
            await asyncio.sleep(TIDY)

    def _tidy(self) -> None:
        before = time.time() - self.settings.remember
        self.handover.forget(before=before, most=self.settings.remember_most)

    def close(self) -> None:
        """Let go of the files and the ledger."""
        with ExitStack() as stack:
            stack.callback(self._ledger.close)
            for receiver in self._files:
                stack.callback(receiver.close)


@contextmanager
def into(settings: Settings, made: Callable[[Path], None]) -> Iterator[Journal]:
    """The way into the log of a configuration: by the recorder where one runs, else with the log open here, and then
    for others too. ``made`` hears of the public key of a log that was not there yet. Raises Unavailable, Tampered.
    """
    from stockade.app.recording import made as make
    from stockade.app.recording import recorded_here, recorder_of, socket_of
    from stockade.app.reporting_in import IntoRecorder

    if (public := make(settings)) is not None:
        made(public)
    if recorder_of(settings):
        yield IntoRecorder(socket_of(settings), settings.audit_log())
        return
    with recorded_here(settings) as log:
        yield IntoAuditLog(log)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _maker(source: SyslogSource | HttpSource) -> Callable[[], Reader]:
    """Makes readers, one for each connection or delivery."""
    mapping = _mapping(source.mapping)
    return lambda: new_reader(source, mapping)


def new_reader(source: FileSource | SyslogSource | HttpSource, mapping: FieldMap | None = None) -> Reader:
    """A reader for a source. Raises ConfigurationError for a format or a mapping that cannot be followed."""
    dating = Dating(time.time, getattr(source, "zone", None))
    known = mapping or _mapping(source.mapping)
    return reader(source.format, dating, mapping=known, programs=getattr(source, "programs", None))


def _mapping(path: Path | None) -> FieldMap | None:
    if path is None:
        return None
    try:
        return parse(path.read_text("utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the mapping {path} cannot be read: {error}") from error
