"""What traffic a running service watches, as a configuration writes it."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from stockade.config.kinds import NETWORKS, PATH
from stockade.config.tables import setting
from stockade.config.values import DURATION, FLAG, TEXTS, one_of
from stockade.events import Severity


@dataclass(frozen=True, kw_only=True)
class TrafficSettings:
    """What watches the traffic of this machine and records what is odd in it. Where this table stands, `stockade serve`
    runs it, and what it finds are findings in the audit log.
    """

    conntrack: Literal["off", "events", "table"] = setting(
        one_of("off", "events", "table"),
        "The kernel's connections: as `conntrack -E` tells them (needs CAP_NET_ADMIN), or from /proc/net/nf_conntrack.",
        "off",
    )
    files: tuple[str, ...] = setting(
        TEXTS, "Logs of traffic that grow: Zeek's, access logs, log lines of nftables, flow logs.", ()
    )
    requests: bool = setting(FLAG, "Read the requests too that are taken into the audit log.", default=True)
    own: tuple[str, ...] = setting(NETWORKS, "Your networks.", (), shown_default="the private ones")
    normal: Path | None = setting(
        PATH, "A normal made by `stockade traffic learn`.", None, shown_default="learned from the first whole window"
    )
    window: float = setting(DURATION, "How far back is looked.", 86_400.0)
    every: float = setting(DURATION, "How long between two looks.", 300.0)
    quiet: float = setting(DURATION, "How long what was told is not told again, unless it is worse.", 86_400.0)
    level: Severity = setting(one_of(*get_args(Severity)), "The least severity that is recorded.", "low")
