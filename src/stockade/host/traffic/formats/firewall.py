"""What the kernel logs for ``log`` rules of nftables and iptables: one packet a line, ``SRC=… DST=… PROTO=…``."""

from __future__ import annotations

import re
from typing import Final

from stockade.host.traffic.flow import Flow, octets, port
from stockade.host.traffic.formats.one_by_one import Line, one_by_one
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating
from stockade.lines.syslog import envelope

PART: Final = re.compile(r"\b([A-Z]{2,5})=(\S*)")
REFUSED: Final = re.compile(r"drop|reject|deny|denied|block|refus", re.IGNORECASE)


def _line(dating: Dating) -> Line:
    unfold = envelope(dating)

    def line(text: str) -> Flow:
        message = unfold(text)
        prefix = message.text.partition("IN=")[0]
        parts: dict[str, str] = {}
        for name, value in PART.findall(message.text):
            parts.setdefault(name, value)  # an ICMP error quotes a packet within its own
        if not (parts.get("SRC") and parts.get("DST")):
            raise Unreadable("no SRC= and DST=")
        return Flow(
            message.time, parts["SRC"], parts["DST"], port(parts.get("DPT")), parts.get("PROTO", "").lower()[:16],
            port(parts.get("SPT")), out=octets(parts.get("LEN")), packets_out=1, state=prefix.strip()[-40:],
            failed=REFUSED.search(prefix) is not None,
        )  # fmt: skip

    return line


read = one_by_one(_line)
