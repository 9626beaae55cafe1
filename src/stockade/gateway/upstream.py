"""The client side of the gateway: one session for all upstreams, which changes nothing that passes through it."""

from __future__ import annotations

from typing import Final

from aiohttp import ClientResponseError, ClientSession, ClientTimeout, DummyCookieJar, InvalidURL, TCPConnector

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 300.0
"""How long an upstream may say nothing: as long as its slowest answer takes to begin."""
UNSAID: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""What aiohttp would add of its own accord."""


def new_session() -> ClientSession:
    """A session that neither inflates, nor follows, nor keeps cookies of one client for another."""
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=15),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=UNSAID,
        timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
        max_line_size=16 * 1024,
        max_field_size=32 * 1024,
    )


def why(error: Exception) -> str:
    """What is wrong with an upstream, for the log: without the URL that some errors show, for its query may hold a
    token.
    """
    text = error.message if isinstance(error, ClientResponseError) else str(error)
    return f"{type(error).__name__} {ascii('' if isinstance(error, InvalidURL) else text)[:500]}"


class Upstreams:
    """Makes the session when a loop runs, and closes it when the application ends."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    @property
    def session(self) -> ClientSession:
        """The session of this process."""
        if self._session is None or self._session.closed:
            self._session = new_session()
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
