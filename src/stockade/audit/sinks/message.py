"""An entry as a syslog message of RFC 5424, and as many of them in a row as octet counting allows (RFC 6587 3.4.1).

::

    <109>1 2027-01-15T08:00:00.000000Z node1 stockade - AUDIT [audit@32473 origin="…" seq="7" hash="…"] {"seq":7,…}

109 is facility 13, log audit, and severity 5, notice. ``hash`` is the leaf hash of RFC 6962 in hexadecimal: collectors
change what they keep (rsyslog writes a tab as #011), and with the hash it still shows which entry it was. The entries
themselves belong into a store that keeps octets; this channel says early and elsewhere that they exist.
"""

from __future__ import annotations

import json
import re
from typing import Final

from stockade.audit.merkle import leaf_hash

PRIORITY: Final = 13 * 8 + 5
NAME: Final = "stockade"
SHOWN: Final = 1000
_RECORDED: Final = re.compile(rb'^\{"seq":\d+,"recorded":"([^"]{20,40})"')
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]")


class Messages:
    """Makes messages for one log and one collector."""

    def __init__(self, host: str, *, enterprise: int, longest: int) -> None:
        """``host`` is this machine's name; ``longest`` the octets of an entry that are sent whole."""
        self._host = _NOT_PRINTABLE.sub("-", host)[:255] or "-"
        self._id, self._longest = f"audit@{enterprise}", longest

    def entry(self, origin: str, index: int, line: bytes) -> bytes:
        """An entry; one that is too long is summed up by its beginning and its length, and named by its hash."""
        digest = leaf_hash(line).hex()
        told = line if len(line) <= self._longest else _summed_up(index, line)
        found = _RECORDED.match(line)
        data = f'[{self._id} origin="{_escaped(origin)}" seq="{index}" hash="{digest}"]'
        return self._message(found[1].decode() if found else "-", "AUDIT", data, told)

    def head(self, origin: str, note: bytes) -> bytes:
        """A signed head, as JSON, since collectors do not keep newlines."""
        data = f'[{self._id} origin="{_escaped(origin)}"]'
        return self._message("-", "HEAD", data, json.dumps({"head": note.decode()}).encode())

    def _message(self, time: str, kind: str, data: str, text: bytes) -> bytes:
        return f"<{PRIORITY}>1 {time} {self._host} {NAME} - {kind} {data} ".encode() + text


def counted(message: bytes) -> bytes:
    """A message in a frame that says how long it is (RFC 5425 section 4.3)."""
    return b"%d %s" % (len(message), message)


def _summed_up(index: int, line: bytes) -> bytes:
    whole = {"octets": len(line), "begins": line[:SHOWN].decode("ascii", "replace")}
    return json.dumps({"seq": index, "oversize": whole}, separators=(",", ":")).encode()


def _escaped(text: str) -> str:
    r"""A value in structured data: ", \ and ] are escaped (RFC 5424 section 6.3.3)."""
    return re.sub(r'(["\\\]])', r"\\\1", text)
