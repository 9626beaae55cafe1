"""An application that says what it was asked, byte for byte."""

from __future__ import annotations

import json

from stockade.guard.asgi import App, Receive, Scope, Send


def living(app: App) -> App:
    """An application that only knows requests, able to start and to end."""

    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return alive


@living
async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the request as JSON; below ``/deaf`` without reading its body."""
    body = b"" if scope["path"].startswith("/deaf") else await read(receive)
    if body is None:
        return
    said = {
        "method": scope["method"],
        "target": scope["raw_path"].decode() + ("?" if scope["query_string"] else "") + scope["query_string"].decode(),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    text = json.dumps(said).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def read(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
