"""One request carried to ``git http-backend`` and its answer back (RFC 3875), streaming both ways."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from subprocess import check_output
from typing import Final

from stockade.errors import Unavailable
from stockade.gateway.git_settings import surroundings
from stockade.guard.asgi import Receive, Scope, Send

log = logging.getLogger(__name__)
PIECE: Final = 65536
PASSED_ON: Final = {b"content-encoding": "HTTP_CONTENT_ENCODING", b"accept-encoding": "HTTP_ACCEPT_ENCODING"}


@cache
def backend() -> Path:
    """Where the program is; raises Unavailable when Git is not installed."""
    try:
        found = Path(check_output(["git", "--exec-path"], text=True).strip()) / "git-http-backend"
    except OSError as error:
        raise Unavailable("Git is not installed.", remedy="Install git.") from error
    if not found.exists():
        raise Unavailable(f"There is no {found}.", remedy="Install all of Git.")
    return found


def environment(scope: Scope, *, root: Path, path: str, query: str, user: str, address: str) -> dict[str, str]:
    """The variables of one request (RFC 3875, section 4.1).

    CONTENT_LENGTH is left out for a chunked body, which ends with its input.
    """
    headers: Mapping[bytes, bytes] = dict(scope["headers"])
    variables = {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get(b"content-type", b"").decode("latin-1"),
        "REMOTE_USER": user,
        "REMOTE_ADDR": address,
    }
    if length := headers.get(b"content-length"):
        variables["CONTENT_LENGTH"] = length.decode("ascii")
    if protocol := headers.get(b"git-protocol"):
        variables["GIT_PROTOCOL"] = protocol.decode("latin-1")[:1024]
    variables |= {key: headers[name].decode("latin-1") for name, key in PASSED_ON.items() if name in headers}
    return variables | surroundings(root)


async def serve(variables: Mapping[str, str], receive: Receive, send: Send, fds: Sequence[int] = ()) -> None:
    """Run the program for one request. When the client goes away, it and all it has started end; they have ``fds``
    open, too.
    """
    process = await asyncio.create_subprocess_exec(
        backend(), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=dict(variables), start_new_session=True, pass_fds=fds
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
    upload = asyncio.create_task(_upload(process, process.stdin, receive))
    complaints = asyncio.create_task(_complaints(process.stderr))
    try:
        await _download(process, process.stdout, send)
    finally:
        _end(process)
        upload.cancel()
        await asyncio.gather(upload, complaints, return_exceptions=True)
        await process.wait()


async def _upload(process: Process, pipe: StreamWriter, receive: Receive) -> None:
    """The body into the program, whose input then ends; after it, wait whether the client goes away."""
    message = await receive()
    while message["type"] == "http.request":
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(message.get("body", b""))
            await pipe.drain()
        if not message.get("more_body"):
            pipe.close()
        message = await receive()
    _end(process)


async def _download(process: Process, pipe: StreamReader, send: Send) -> None:
    """The answer out of the program: its header lines (RFC 3875, section 6.3), then the body as it comes."""
    status, headers = await _head(pipe)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while piece := await pipe.read(PIECE):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await process.wait()
    await send({"type": "http.response.body"})


async def _head(pipe: StreamReader) -> tuple[int, list[tuple[bytes, bytes]]]:
    status, headers = 200, []
    while line := (await pipe.readline()).rstrip(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    if not headers:
        raise Unavailable("git http-backend ended without an answer.", remedy="Look at the log for what it said.")
    return status, headers


async def _complaints(pipe: StreamReader) -> None:
    """What the program says on the side goes to the log, a little of it."""
    said = b""
    while piece := await pipe.read(PIECE):
        said = (said + piece)[:2000]
    if said.strip():
        log.warning("git http-backend: %s", ascii(said.decode(errors="replace").strip()))


def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
