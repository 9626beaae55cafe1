"""Forward auth: nginx asks the gateway before each request, or asks a server that only ever says yes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.http import Figures, in_turns
from bench.rows import Row
from bench.serving import gateway, under_uvicorn
from stockade.gateway.proxyconfig import render
from tests.servers.nginx import start_nginx

BAR = 0.75
BEHIND = "127.0.0.1:9"
PAGE = "hello\n"


def rows(*, seconds: int, rounds: int) -> list[Row]:
    """The share of what nginx answers when nobody judges."""
    found = measured(seconds, rounds)
    nothing, judged = found["nothing"], found["gateway"]
    share = judged.share(nothing)
    how = "five rules, the store shared by processes, ten thousand clients"
    return [
        Row("nginx asking a do-nothing uvicorn", "", str(nothing), 1.0, None, f"{nothing.cost()} there"),
        Row(
            "nginx asking the gateway",
            f"≥ {BAR:.0%} of it",
            f"{share:.0%}, {judged}",
            share,
            share >= BAR,
            f"{how}, the configuration that Stockade prints; {judged.cost()} there",
        ),
    ]


def measured(seconds: int, rounds: int) -> dict[str, Figures]:
    """Load nginx with either to ask."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        asked = {
            "nothing": stack.enter_context(under_uvicorn("nothing")),
            "gateway": stack.enter_context(gateway(directory / "counters")),
        }
        fronts = {n: stack.enter_context(start_nginx(configuration(server.port))) for n, server in asked.items()}
        for front in fronts.values():
            (front.directory / "hello").write_text(PAGE)
        return in_turns({name: (asked[name], front.port) for name, front in fronts.items()}, seconds, rounds)


def configuration(asked: int) -> str:
    """What ``stockade config nginx`` prints, with a file where the application would be."""
    printed = render("nginx", gateway=f"127.0.0.1:{asked}", upstream=BEHIND, site="http://localhost:54321")
    return (
        printed.replace(f"proxy_pass http://{BEHIND};", "root $DIR; try_files /hello =404;")
        .replace("listen 54321;", "listen 127.0.0.1:$PORT; access_log off;")
        .replace("listen 54321", "listen 127.0.0.1:$PORT")
    )
