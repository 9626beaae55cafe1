"""A witness for other people's logs, served over HTTP (C2SP tlog-witness): run it where their administrators are not.

::

    STATE/key, STATE/key.pub    its keys; what clients are given
    STATE/heads/…               the last head of each log that it has cosigned
    STATE/suspicious/…          requests that a log has signed and that contradict what was seen before: evidence
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stockade.audit.durable import Swapped, write_durably
from stockade.audit.keys import PrivateKey, PublicKey
from stockade.audit.note import MAX_SIZE
from stockade.audit.witness import Answer, Witness, memory_name, witness_keys
from stockade.errors import ConfigurationError

MOST_SUSPICIOUS: Final = 100
"""Requests that are kept as evidence; later ones would only say the same."""
KEY: Final = "key"
PUBLIC: Final = "key.pub"

Clock = Callable[[], float]


def make_witness(state: Path, name: str) -> None:
    """Make the keys of a new witness. Raises ConfigurationError when there are some already."""
    if (state / KEY).exists():
        raise ConfigurationError(f"{state} already holds the keys of a witness", remedy="Choose another directory.")
    keys = witness_keys(name)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(state / PUBLIC, "".join(f"{key.public_key}\n" for key in keys).encode(), mode=0o644)
    write_durably(state / KEY, "".join(f"{key.secret_text}\n" for key in keys).encode())


def open_witness(state: Path, logs: Sequence[PublicKey]) -> Witness:
    """The witness that lives in ``state``, for the logs with these keys. Raises ConfigurationError."""
    if not (state / KEY).exists():
        raise ConfigurationError(f"{state} holds no keys of a witness", remedy="Make them with --name.")
    keys = [PrivateKey.parse(line) for line in (state / KEY).read_text().splitlines()]
    heads = state / "heads"
    heads.mkdir(mode=0o700, exist_ok=True)
    known: dict[str, list[PublicKey]] = {}
    for key in logs:
        known.setdefault(key.name, []).append(key)
    return Witness(keys, known, lambda origin: Swapped(heads / memory_name(origin)))


def application(witness: Witness, state: Path, now: Clock) -> Starlette:
    """The witness as an ASGI application. ``now`` answers the time in seconds since the epoch."""

    def judge(body: bytes) -> Answer:
        answer = witness.add_checkpoint(body, now())
        if answer.suspicious:
            _keep(state / "suspicious", body)
        return answer

    async def add_checkpoint(request: Request) -> Response:
        body = await _bounded(request)
        if body is None:
            return Response("too long\n", 413, media_type="text/plain")
        answer = await run_in_threadpool(judge, body)
        return Response(answer.body, answer.status, {"content-type": answer.content_type})

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])


async def _bounded(request: Request) -> bytes | None:
    """The body, unless it is longer than any request can be."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > 2 * MAX_SIZE:
            return None
        parts.append(part)
    return b"".join(parts)


def _keep(folder: Path, body: bytes) -> None:
    """Keep evidence, once."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / sha256(body).hexdigest()
    if not path.exists() and sum(1 for _ in folder.iterdir()) < MOST_SUSPICIOUS:
        write_durably(path, body)
