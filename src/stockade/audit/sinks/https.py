"""Entries in signed requests to an address of yours (HTTPS POST).

The body is JSON lines: the entries as they lie in the log, octet for octet, and now and then a last line
``{"head":"…"}``. Headers say which log and which entries they are, that it is us (``signatures``), and, where one was
agreed upon, a token. Any 2xx means that the receiver has them for good. An answer may say ``{"next": N}``, which entry
it wants next; 409 with that says that it takes nothing which would leave a gap.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

from stockade.audit.keys import PrivateKey
from stockade.audit.sinks.connection import Peer
from stockade.audit.sinks.parcels import Parcel
from stockade.audit.sinks.signatures import signed_headers
from stockade.errors import Refused, StockadeError, Unavailable

MOST_ANSWER: Final = 1 << 16
Answer = tuple[int, str, bytes]


class SignedPost:
    """A receiver that takes entries over HTTPS."""

    def __init__(self, url: str, peer: Peer, *, token: str, key: PrivateKey | None, clock: Callable[[], float]) -> None:
        self._url, self._peer, self._token, self._key, self._clock = url, peer, token, key, clock
        self._next = 0
        self.remark = "" if key else "requests are not signed: give it a signing key"

    def open(self, at: int) -> int:
        """See ``Sink``. Each parcel is a request of its own, so there is nothing to open."""
        self._next = at
        return at

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; taken by the receiver when this returns."""
        if parcel.first > self._next:
            return self._next
        if parcel.end <= self._next:
            return self._next
        rest = parcel.after(self._next)
        head = json.dumps({"head": parcel.head.decode()}).encode() + b"\n" if parcel.head else b""
        status, _, answer = self._post(rest.body + head, {
            "Stockade-Origin": parcel.origin, "Stockade-Entries": f"{rest.first}-{rest.end - 1}",
        })  # fmt: skip
        wanted = _wanted(answer)
        if 200 <= status < 300:
            self._next = rest.end if wanted is None else wanted
        elif status == 409 and wanted is not None:
            self._next = wanted
        else:
            raise _meant(self._url, status)
        return self._next

    def close(self) -> None:
        """See ``Sink``."""

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        all_headers = {"Content-Type": "application/x-ndjson", "User-Agent": "stockade", **headers}
        if self._token:
            all_headers["Authorization"] = f"Bearer {self._token}"
        if self._key is not None:
            all_headers |= signed_headers("POST", self._url, body, self._key, self._clock())
        return post(self._url, self._peer, body, all_headers)


def post(url: str, peer: Peer | None, body: bytes, headers: Mapping[str, str], deadline: float = 10.0) -> Answer:
    """One request: the status, the content type and the body of the answer. Without a peer, over plain HTTP.

    Raises Unavailable when that is not there within the deadline.
    """
    parts = urlsplit(url)
    host, port, limit = parts.hostname or "", parts.port, peer.deadline if peer else deadline
    if peer is None:
        client = http.client.HTTPConnection(host, port, timeout=limit)
    else:
        client = http.client.HTTPSConnection(host, port, timeout=limit, context=peer.context)
    cut = Timer(limit, _hang_up, [client])
    cut.daemon = True
    cut.start()
    try:
        client.request("POST", parts.path or "/", body=body, headers=dict(headers))
        answer = client.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read(MOST_ANSWER)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = "it did not answer in time" if cut.finished.is_set() else str(error) or type(error).__name__
        raise Unavailable(f"{parts.netloc} is away: {said}") from error
    finally:
        cut.cancel()
        client.close()


def _hang_up(client: http.client.HTTPConnection) -> None:
    """At the deadline, whatever is being waited for ends: a peer that dribbles gains no time."""
    with suppress(OSError, AttributeError):
        client.sock.shutdown(2)


def _wanted(answer: bytes) -> int | None:
    try:
        told = json.loads(answer)
        wanted = told.get("next") if isinstance(told, dict) else None
        return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0 else None
    except ValueError:
        return None


def _meant(url: str, status: int) -> StockadeError:
    where = urlsplit(url).netloc
    if status >= 500 or status in {408, 425, 429}:
        return Unavailable(f"{where} answers {status}")
    return Refused(f"{where} answers {status}", remedy="Does it know our key, our token and this address?")
