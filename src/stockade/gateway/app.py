"""A site becomes one ASGI application: forward auth and metrics, then the guard, then whoever serves the path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import PlainTextResponse

from stockade.gateway import forward, registry
from stockade.gateway.exchange import Reply
from stockade.gateway.factor_pages import FactorPages
from stockade.gateway.forward import ForwardAuth
from stockade.gateway.git import Git, wanted
from stockade.gateway.granted import Granted
from stockade.gateway.home import Home
from stockade.gateway.identity import Visitors
from stockade.gateway.metrics import Metrics
from stockade.gateway.oauth.consent import Authorize
from stockade.gateway.oauth.metadata import Metadata
from stockade.gateway.oauth.tokens import TokenDoor
from stockade.gateway.proxy import Proxy
from stockade.gateway.registry import RegistryDoor, TokenService, in_its_words
from stockade.gateway.signin import SignIn
from stockade.gateway.site import Site
from stockade.gateway.upstream import Upstreams
from stockade.guard.asgi import App, GuardMiddleware, Receive, Scope, Send
from stockade.guard.paths import normal

SECURITY_TXT: Final = "/.well-known/security.txt"
METRICS: Final = "/metrics"


def build(site: Site) -> App:
    """The application that serves a site."""
    return Gateway(site)


class Gateway:
    """Routes by the normal path, the same that the guard's rules see, so that no spelling falls between the two."""

    def __init__(self, site: Site) -> None:
        self.upstreams = Upstreams()
        self.visitors = (
            Visitors(site.directory, site.guard, site.clock, site.record) if site.directory is not None else None
        )
        self.forward_auth = ForwardAuth(site.guard, self.visitors)
        self.metrics = Metrics(site.guard, site.metrics_for)
        self.rooms = Rooms(site, self.visitors, self.upstreams)
        self.guarded = GuardMiddleware(self.rooms, site.guard)
        self.guarded_registry = in_its_words(self.guarded)

    def at_once(self, scope: Scope, fields: Mapping[bytes, bytes]) -> Reply | None:
        """The answer of forward auth, which is asked before every request of other servers."""
        return self.forward_auth.at_once(scope, fields) if scope["path"].startswith(forward.PREFIX) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        kind = scope["type"]
        if kind == "lifespan":
            return await self._live(receive, send)
        path: str = scope["path"]
        if kind == "http" and path.startswith(forward.PREFIX):
            return await self.forward_auth(scope, receive, send)
        if kind == "http" and path == METRICS:
            return await self.metrics(scope, receive, send)
        if self.visitors is not None and normal(path) not in TokenDoor.paths:  # where applications show their own
            await self.visitors.glance(scope)
        guarded = self.guarded_registry if self.rooms.of_registry(normal(path)) else self.guarded
        return await guarded(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await self.upstreams.close()
        await send({"type": "lifespan.shutdown.complete"})


class Rooms:
    """Behind the guard: each path and who serves it."""

    def __init__(self, site: Site, visitors: Visitors | None, upstreams: Upstreams) -> None:
        self.security_txt = site.security_txt
        self.pages: dict[str, App] = {}
        self.git: Git | None = None
        self.registry: RegistryDoor | None = None
        self.rest: App = Proxy(site.upstream, site.guard, upstreams) if site.upstream else nothing_here
        if visitors is None:
            return
        sign_in = SignIn(visitors, site.deliver)
        factors = FactorPages(visitors, sign_in.step)
        oauth = (
            Authorize(visitors),
            TokenDoor(visitors, site.refresh_idle),
            Metadata(site.guard.addresses),
            Granted(visitors),
        )
        self.pages = {path: room for room in (sign_in, factors, *oauth) for path in room.paths}
        if site.upstream is None:
            self.pages["/"] = Home(visitors, registry=site.registry is not None)
        if site.repositories is not None:
            self.git = Git(visitors, site.repositories, site.hooks)
        if site.registry is not None:
            self.pages[registry.TOKENS] = TokenService(visitors, site.registry.signer)
            proxy = Proxy(site.registry.url, site.guard, upstreams)
            self.registry = RegistryDoor(visitors, site.registry, proxy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request that may pass to who serves it."""
        await self._server_of(scope)(scope, receive, send)

    def of_registry(self, path: str) -> bool:
        """Is this path served to registry clients?"""
        if self.registry is None:
            return False
        return path in {registry.TOKENS, registry.PREFIX} or path.startswith(f"{registry.PREFIX}/")

    def _server_of(self, scope: Scope) -> App:
        if scope["type"] == "websocket":
            return self.rest if isinstance(self.rest, Proxy) else no_socket_here
        path = normal(scope["path"])
        if path == SECURITY_TXT and self.security_txt is not None:
            return PlainTextResponse(self.security_txt)
        if path in self.pages:
            return self.pages[path]
        if self.registry is not None and self.of_registry(path):
            return self.registry
        if self.git is not None and wanted(scope) is not None:
            return self.git
        return self.rest


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """What is at every other path."""
    await PlainTextResponse("There is nothing here.\n", 404)(scope, receive, send)


async def no_socket_here(_scope: Scope, receive: Receive, send: Send) -> None:
    """No WebSocket is served without an upstream."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})
