"""The audit log as it is written in a configuration: where it is, what it is called, and when what is due."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.config.carrying import SINKS, SinkTable
from stockade.config.kinds import PATH
from stockade.config.source import Place
from stockade.config.tables import setting
from stockade.config.values import DURATION, FLAG, SIZE, TEXT, Kind, shown, whole


def _origin(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}", written):
        raise place.wrong(f"{place.key} is {shown(written)}, not the name of a log", 'Write it as "example.org/node1".')
    return written


ORIGIN: Final[Kind[str]] = Kind("name of a log", _origin)
"""A schema-less URL, as C2SP tlog-checkpoint advises for origins."""


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """The audit log: what happens, so that nobody can unsay it. `stockade serve` makes it on its first start."""

    enabled: bool = setting(FLAG, "Keep one.", default=True)
    log: Path | None = setting(
        PATH, "The directory of its entries.", None, shown_default="audit in the state directory"
    )
    signer: Path | None = setting(
        PATH,
        "The directory of its keys and the last head that was signed; best on another disk. `key.pub` in it is for "
        "whoever verifies the log: keep a copy elsewhere.",
        None,
        shown_default="audit-signer in the state directory",
    )
    secrets: Path | None = setting(
        PATH,
        "The directory of the keys under which secrets and what is personal are written; best on another disk again, "
        "and in no backup that is kept for longer than you may keep what is personal.",
        None,
        shown_default="audit-secrets in the state directory",
    )
    origin: str | None = setting(
        ORIGIN, "What the log is called, for good.", None, shown_default="the host's name and /stockade"
    )
    deadline: float = setting(
        DURATION, "How long what must be recorded may wait for the disk; then it is refused, and not done.", 5.0
    )
    sign_within: float = setting(DURATION, "An entry is under a signed head within this time.", 1.0)
    sign_after: int = setting(whole(1, 1_000_000), "… or as soon as so many entries wait for it.", 4096)
    heartbeat: float = setting(DURATION, "When nothing happens for so long, the log says so.", 300.0)
    segment_size: int = setting(SIZE, "A segment is closed when it is larger, and can be carried away.", 16 << 20)
    segment_age: float = setting(DURATION, "… or older.", 3600.0)
    sinks: tuple[SinkTable, ...] = setting(SINKS, "Where it is carried to.", (), shown_default="nowhere")
