"""Which sinks there are: settings become a sink that is ready to be opened. Nothing is read or sent yet, but keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from stockade.audit.sinks.carrier import Sink
from stockade.audit.sinks.parcels import Cut, Entries
from stockade.audit.sinks.settings import Resolve, SinkSettings


def sink_of(settings: SinkSettings, log: Path, resolve: Resolve) -> tuple[Sink, Cut]:
    """The sink that settings describe, and how the log is cut for it. Raises ConfigurationError."""
    opened = _OPENERS[urlsplit(settings.url).scheme]
    return opened(settings, log, resolve)


def _file(settings: SinkSettings, log: Path, _: Resolve) -> tuple[Sink, Cut]:
    from stockade.audit.sinks.appended import AppendedFile, path_of

    return AppendedFile(path_of(urlsplit(settings.url).path)), Entries(log, time.monotonic)


_OPENERS: dict[str, Callable[[SinkSettings, Path, Resolve], tuple[Sink, Cut]]] = {
    "file": _file,
}
