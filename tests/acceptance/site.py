"""A little web site behind the guard, reached through ASGI or WSGI, with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from typing import Any, Literal
from urllib.parse import quote
from wsgiref.validate import validator

from stockade import Guard, GuardMiddleware
from stockade.events import Event
from stockade.guard import wsgi
from stockade.guard.memory import MemoryStore
from stockade.guard.rules import Rule

Door = Literal["asgi", "wsgi"]


@dataclass(frozen=True)
class Reply:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Site:
    """``site.get("/", by="1.2.3.4")``; the application answers ``answers`` (200 unless told) and remembers who
    reached it.
    """

    door: Door
    now: float = 1_700_000_000.0
    events: list[Event] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    guard: Guard = field(init=False)

    def with_rules(self, *rules: Rule, **settings: Any) -> Site:
        """Put rules in front of the site; the guard is mounted twice on purpose, for that must do no harm."""
        settings.setdefault("record", self.events.append)
        settings.setdefault("store", MemoryStore(clock=lambda: self.now))
        self.guard = Guard(*rules, clock=lambda: self.now, **settings)
        return self

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def get(self, path: str = "/", **options: Any) -> Reply:
        """Ask with GET."""
        return self.ask("GET", path, **options)

    def post(self, path: str = "/", **options: Any) -> Reply:
        """Ask with POST."""
        return self.ask("POST", path, **options)

    def ask(
        self,
        method: str,
        path: str,
        by: str = "1.2.3.4",
        *,
        answers: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request from an address; the application will answer with the status given."""
        through: Callable[..., Reply] = self._asgi if self.door == "asgi" else self._wsgi
        return through(method, path, by, answers, dict(headers or {}))

    def actions(self) -> list[str]:
        """What the security log says, in order."""
        return [event.action for event in self.events]

    def _asgi(self, method: str, target: str, by: str, answers: int, headers: dict[str, str]) -> Reply:
        path, _, query = target.partition("?")
        sent: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            self.reached.append(scope["path"])
            await send({"type": "http.response.start", "status": answers, "headers": [(b"x-app", b"1")]})
            await send({"type": "http.response.body", "body": b"hello"})

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "client": (by, 4711) if by else None,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        twice = GuardMiddleware(GuardMiddleware(app, self.guard), self.guard)
        asyncio.run(twice(scope, receive, send))
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], fields, b"".join(m.get("body", b"") for m in sent[1:]))

    def _wsgi(self, method: str, target: str, by: str, answers: int, headers: dict[str, str]) -> Reply:
        path, _, query = target.partition("?")
        said: dict[str, Any] = {}

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            self.reached.append(environ["PATH_INFO"])
            start_response(f"{answers} Whatever", [("Content-Type", "text/plain"), ("X-App", "1")])
            return [b"hello"]

        def start_response(status: str, fields: Any, _exc_info: Any = None) -> Any:
            said.update(status=int(status[:3]), headers={n.lower(): v for n, v in fields})
            return lambda _data: None

        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": by,
            "SERVER_NAME": "site",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        checked: Any = validator
        inner = checked(wsgi.GuardMiddleware(checked(app), self.guard))
        answer = checked(wsgi.GuardMiddleware(inner, self.guard))(environ, start_response)
        body = b"".join(answer)
        answer.close()
        return Reply(said["status"], said["headers"], body)
