"""FastAPI and Starlette behind the guard, through their own test client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from stockade import (
    ConfigurationError,
    Fail2Ban,
    Guard,
    GuardMiddleware,
    Identity,
    MemoryStore,
    Safelist,
    Throttle,
    Unavailable,
    header,
    path,
    route,
    status,
)
from stockade.fastapi import limit, limited, protect
from stockade.guard.redis import RedisStore

ONE = Throttle("one", limit=1, period=60)
TWO = Throttle("two", limit=2, period=60)


def client(app: FastAPI | Starlette, by: str = "1.2.3.4") -> TestClient:
    return TestClient(app, client=(by, 4711))


def statuses(asking: TestClient, *paths: str) -> list[int]:
    return [asking.get(each, follow_redirects=False).status_code for each in paths]


class Item(BaseModel):
    name: str


SIGNED = Guard(identify=lambda request: Identity(request.header("x-user")))
Mine = Annotated[None, Depends(limit(SIGNED, Throttle("mine", limit=1, period=60, by="user")))]


def shop(guard: Guard) -> FastAPI:
    app = FastAPI()
    protect(app, guard)
    orders = APIRouter(prefix="/orders")

    @orders.get("/{number}")
    async def order(number: int) -> int:
        return number

    @app.get("/items/{id}")
    def item(id: str) -> str:
        return id

    @app.post("/items/{id}")
    def change(id: str, item: Item) -> str:
        return item.name

    @app.get("/")
    def front() -> str:
        return "hello"

    app.include_router(orders, prefix="/v1")
    back = FastAPI()

    @back.get("/reports/{year}")
    def report(year: int) -> int:
        return year

    app.mount("/back", back)
    return app


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_about_a_route_counts_every_address_of_it() -> None:
    """A limit that counts by the raw address lets `/items/1`, `/items/2` and so on all through."""
    asking = client(shop(Guard(Throttle("items", limit=2, period=60, when=route("/items/{id}")))))
    assert statuses(asking, "/items/1", "/items/2", "/items/3", "/") == [200, 200, 429, 200]


def test_variants_of_a_path_are_the_route_that_serves_them_or_are_not_served() -> None:
    asking = client(shop(Guard(Throttle("items", limit=1, period=60, when=route("/items/{id}")))))
    tried = statuses(asking, "/items/1", "/items/%31", "/%69tems/1", "/items/1?x", "//items/1", "/items/1/", "/ITEMS/1")
    assert tried == [200, 429, 429, 429, 404, 307, 404]


@pytest.mark.parametrize(
    ("template", "served", "other"),
    [
        ("/v1/orders/{number}", "/v1/orders/7", "/v1/orders"),
        ("/back/reports/{year}", "/back/reports/2026", "/back/reports"),
    ],
)
def test_routes_of_included_routers_and_mounted_applications_are_known(template: str, served: str, other: str) -> None:
    asking = client(shop(Guard(Throttle("t", limit=1, period=60, when=route(template)))))
    assert statuses(asking, other, other, served, served) == [404, 404, 200, 429]


def test_a_request_with_another_method_is_still_the_routes() -> None:
    asking = client(shop(Guard(Throttle("t", limit=1, period=60, when=route("/items/{id}")))))
    assert asking.delete("/items/1").status_code == 405
    assert asking.delete("/items/1").status_code == 429


def test_starlettes_own_routes_mounts_and_hosts_are_known(tmp_path: Any) -> None:
    def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    (tmp_path / "logo").write_text("logo")
    app = Starlette(
        routes=[
            Route("/a/{x}", page),
            Mount("/sub", routes=[Route("/b/{y:int}", page), Mount("/deep", routes=[Route("/c", page)])]),
            Host("other.test", Starlette(routes=[Route("/d", page)])),
            Mount("/static", StaticFiles(directory=tmp_path)),
        ]
    )
    known = ["/a/{x}", "/sub/b/{y:int}", "/sub/deep/c", "/d", "/static"]
    protect(app, Guard(*(Throttle(each, limit=0, period=60, when=route(each)) for each in known)))
    asking = client(app)
    assert statuses(asking, "/a/1", "/sub/b/1", "/sub/deep/c", "/static/logo") == [429] * 4
    assert statuses(asking, "/sub/b/x", "/sub/deep/", "/nowhere", "/d") == [404] * 4
    assert asking.get("/d", headers={"host": "other.test"}).status_code == 429


# ── the decorator ────────────────────────────────────────────────────────────────────────────────────


def reporting(guard: Guard, *, protected: bool = True) -> FastAPI:
    app = FastAPI()
    if protected:
        protect(app, guard)

    @app.get("/later/{n}")
    @limited(guard, ONE)
    async def later(n: int, greeting: str = "hello") -> dict[str, Any]:
        return {"n": n, "greeting": greeting}

    @app.post("/now/{n}")
    @limited(guard, TWO)
    def now(n: int, item: Item) -> dict[str, Any]:
        return {"n": n, "name": item.name}

    return app


def test_a_decorated_endpoint_needs_no_request_argument_and_keeps_its_signature() -> None:
    app = reporting(Guard())
    asking = client(app)
    first = asking.get("/later/7?greeting=good+day")
    assert first.json() == {"n": 7, "greeting": "good day"}
    assert asking.get("/later/8").status_code == 429
    assert asking.post("/now/7", json={"name": "x"}).json() == {"n": 7, "name": "x"}
    parameters = app.openapi()["paths"]["/later/{n}"]["get"]["parameters"]
    assert [each["name"] for each in parameters] == ["n", "greeting"]


def test_a_refusal_is_the_guards_own_answer() -> None:
    asking = client(reporting(Guard()))
    asking.get("/later/1")
    plain = asking.get("/later/1")
    assert (plain.status_code, plain.text) == (429, "Retry later\n")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.headers["cache-control"] == "no-store"
    assert 0 < int(plain.headers["retry-after"]) <= 120
    assert plain.headers["ratelimit-policy"] == '"one";q=1;w=60'
    problem = asking.get("/later/1", headers={"accept": "application/problem+json"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["violated-policies"] == ["one"]


def test_what_passes_is_told_every_quota_the_endpoints_own_included() -> None:
    asking = client(reporting(Guard(Throttle("all", limit=100, period=60))))
    reply = asking.get("/later/1")
    assert reply.headers["ratelimit-policy"] == '"all";q=100;w=60, "one";q=1;w=60'
    assert reply.headers["ratelimit"].startswith('"all";r=99, "one";r=0')


def test_limits_of_two_endpoints_count_apart_and_one_limit_for_both_counts_together() -> None:
    guard = Guard()
    app = FastAPI()
    protect(app, guard)
    both = limited(guard, Throttle("both", limit=1, period=60))

    @app.get("/a")
    @both
    def a() -> str:
        return "a"

    @app.get("/b")
    @both
    def b() -> str:
        return "b"

    @app.get("/c")
    @limited(guard, Throttle("c", limit=1, period=60), Throttle("c by hour", limit=2, period=3600))
    def c() -> str:
        return "c"

    assert statuses(client(app), "/a", "/b", "/c", "/c") == [200, 429, 200, 429]


def test_one_name_for_two_limits_is_refused_where_it_is_written() -> None:
    guard = Guard(Throttle("taken", limit=9, period=60))
    limited(guard, ONE)
    limited(guard, ONE)
    with pytest.raises(ConfigurationError, match="two rules are named 'one'"):
        limited(guard, Throttle("one", limit=5, period=60))
    with pytest.raises(ConfigurationError, match="two rules are named 'taken'"):
        limit(guard, Throttle("taken", limit=9, period=60))
    with pytest.raises(ConfigurationError, match="two rules are named 'one'"):
        guard.follow([ONE])


def test_each_client_has_a_limit_for_itself() -> None:
    app = reporting(Guard())
    assert [statuses(client(app, by), "/later/1", "/later/1") for by in ("1.2.3.4", "5.6.7.8")] == [[200, 429]] * 2


def test_a_store_that_is_down_lets_pass_or_refuses_as_each_rule_says() -> None:
    class Down(MemoryStore):
        def count(self, *_: Any) -> list[Any]:
            raise Unavailable("the store is down")

    guard = Guard(store=Down())
    app = reporting(guard)

    @app.get("/strict")
    @limited(guard, Throttle("strict", limit=9, period=60, on_store_failure="refuse"))
    def strict() -> str:
        return "strict"

    assert statuses(client(app), "/later/1", "/later/1", "/strict") == [200, 200, 503]


def test_an_endpoint_may_count_its_own_failures() -> None:
    guard = Guard()
    app = FastAPI()
    protect(app, guard)

    @app.get("/enter")
    @limited(guard, Fail2Ban("guesses", maxretry=2, findtime=60, bantime=60, when=status(401)))
    def enter(password: str) -> str:
        if password != "right":
            raise HTTPException(401)
        return "welcome"

    tried = statuses(client(app), *["/enter?password=right"] * 3, *["/enter?password=wrong"] * 3)
    assert tried == [200, 200, 200, 401, 401, 403]


def test_the_safelist_wins_over_an_endpoints_own_rules() -> None:
    asking = client(reporting(Guard(Safelist("probes", header("x-probe")))))
    assert [asking.get("/later/1", headers={"x-probe": "1"}).status_code for _ in range(3)] == [200] * 3


def test_a_limit_follows_the_guard_in_front() -> None:
    guard = Guard()
    asking = client(reporting(guard))
    assert statuses(asking, "/later/1", "/later/1") == [200, 429]
    guard.enabled = False
    assert statuses(asking, "/later/1") == [200]
    guard.enabled = True
    guard.follow([Safelist("all of us", path("/later/*"))])
    assert statuses(asking, "/later/1") == [200]


def test_a_limit_without_a_guard_in_front_says_so_instead_of_limiting_nothing() -> None:
    asking = client(reporting(Guard(), protected=False))
    with pytest.raises(ConfigurationError, match="no guard stands in front of"):
        asking.get("/later/1")


def test_what_cannot_be_decorated_says_what_to_do_instead() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(ConfigurationError, match="Depends"):
        limited(Guard(), ONE)(numbers)


def test_a_store_that_would_hold_up_the_event_loop_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="AsyncRedisStore"):
        protect(FastAPI(), Guard(store=RedisStore("redis://127.0.0.1:1")))


# ── the dependency ───────────────────────────────────────────────────────────────────────────────────


def test_a_dependency_limits_an_endpoint_a_router_or_a_parameter() -> None:
    guard = SIGNED
    app = FastAPI()
    protect(app, guard)
    area = APIRouter(prefix="/area", dependencies=[Depends(limit(guard, TWO))])

    @app.get("/a", dependencies=[Depends(limit(guard, ONE))])
    def a() -> str:
        return "a"

    @app.get("/b")
    async def b(_: Mine) -> str:
        return "b"

    @area.get("/{x}")
    def c(x: str) -> str:
        return x

    app.include_router(area)
    asking = client(app)
    assert statuses(asking, "/a", "/a", "/area/1", "/area/2", "/area/3") == [200, 429, 200, 200, 429]
    users = ["ann", "ann", "bob"]
    assert [asking.get("/b", headers={"x-user": user}).status_code for user in users] == [200, 429, 200]


# ── sub-applications, two guards ─────────────────────────────────────────────────────────────────────


def test_an_endpoint_of_a_mounted_application_is_refused_with_the_same_status_and_fields() -> None:
    guard = Guard()
    app = FastAPI()
    protect(app, guard)
    app.mount("/in", reporting(guard, protected=False))
    asking = client(app)
    asking.get("/in/later/1")
    refused = asking.get("/in/later/1")
    assert refused.status_code == 429
    assert refused.headers["ratelimit-policy"] == '"one";q=1;w=60'
    assert int(refused.headers["retry-after"]) > 0


def test_a_mounted_application_may_have_a_guard_of_its_own() -> None:
    app = FastAPI()
    protect(app, Guard(TWO))
    app.mount("/in", reporting(Guard(Throttle("inner", limit=1, period=60))))
    assert statuses(client(app), "/in/nothing", "/in/nothing", "/in/nothing", "/") == [404, 429, 429, 429]


def test_the_guard_may_be_mounted_twice() -> None:
    guard = Guard(TWO)
    app = shop(guard)
    protect(app, guard)
    app.add_middleware(GuardMiddleware, guard=guard)
    assert statuses(client(app), "/", "/", "/") == [200, 200, 429]


# ── streams, WebSockets, lifespan ────────────────────────────────────────────────────────────────────


def test_lifespan_and_streams_pass_untouched() -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, str]]:
        said.append("up")
        yield {"word": "state"}
        said.append("down")

    app = FastAPI(lifespan=lifespan)
    protect(app, Guard(Throttle("t", limit=5, period=60)))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(3):
                yield f"{number}\n".encode()

        return StreamingResponse(parts())

    with client(app) as asking:
        assert asking.get("/stream").text == "0\n1\n2\n"
    assert said == ["up", "down"]


def talking(guard: Guard) -> FastAPI:
    app = FastAPI()
    protect(app, guard)

    @app.websocket("/plain")
    async def plain(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    @app.websocket("/decorated")
    @limited(guard, ONE)
    async def decorated(socket: WebSocket) -> None:
        await plain(socket)

    @app.websocket("/depending", dependencies=[Depends(limit(guard, TWO))])
    async def depending(socket: WebSocket) -> None:
        await plain(socket)

    @app.websocket("/late")
    async def late(socket: WebSocket) -> None:
        await socket.accept()
        await decorated(socket)

    return app


def hello(asking: TestClient, where: str) -> str:
    with asking.websocket_connect(where) as socket:
        return socket.receive_text()


@pytest.mark.parametrize("where", ["/plain", "/decorated", "/depending"])
def test_a_websocket_is_refused_before_it_is_accepted(where: str) -> None:
    limits = {"/plain": 1, "/decorated": 1, "/depending": 2}
    asking = client(talking(Guard(Throttle("sockets", limit=1, period=60, when=route("/plain")))))
    assert [hello(asking, where) for _ in range(limits[where])] == ["hello"] * limits[where]
    with pytest.raises(WebSocketDenialResponse) as refused:
        hello(asking, where)
    assert refused.value.status_code == 429
    assert int(refused.value.headers["retry-after"]) > 0


def test_a_websocket_that_was_accepted_already_is_closed() -> None:
    asking = client(talking(Guard()))
    hello(asking, "/decorated")
    with asking.websocket_connect("/late") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == 1008


def test_starlettes_endpoints_are_limited_the_same_way() -> None:
    guard = Guard()

    @limited(guard, ONE)
    def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    @limited(guard, TWO)
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    app = Starlette(routes=[Route("/", page), WebSocketRoute("/talk", talk)])
    protect(app, guard)
    assert statuses(client(app), "/", "/") == [200, 429]
