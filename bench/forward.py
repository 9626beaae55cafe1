"""Forward auth: nginx asks the gateway before each request, or asks a server that only ever says yes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.http import loaded
from bench.rows import Row
from bench.serving import gateway, under_uvicorn
from stockade.gateway.proxyconfig import render
from tests.servers.nginx import start_nginx

BEHIND = "127.0.0.1:9"
PAGE = "hello\n"


def rows(*, seconds: int, rounds: int) -> list[Row]:
    """The share of what nginx answers when nobody judges."""
    found = measured(seconds, rounds)
    share = median(a / b for a, b in zip(found["gateway"], found["nothing"], strict=True))
    yes, judged = (f"{median(found[name]):,.0f} requests/s" for name in ("nothing", "gateway"))
    return [
        Row("nginx asking a do-nothing uvicorn", "", yes, 1.0, None, "the configuration that Stockade prints"),
        Row(
            "nginx asking the gateway",
            "≥ 75 % of it",
            f"{share:.0%}, {judged}",
            share,
            share >= 0.75,
            "five rules, the store shared by processes, ten thousand clients",
        ),
    ]


def measured(seconds: int, rounds: int) -> dict[str, list[float]]:
    """Requests a second with either, round by round."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        asked = {
            "nothing": stack.enter_context(under_uvicorn("nothing")),
            "gateway": stack.enter_context(gateway(directory / "counters")),
        }
        fronts = {name: stack.enter_context(start_nginx(configuration(port))) for name, port in asked.items()}
        for front in fronts.values():
            (front.directory / "hello").write_text(PAGE)
        return loaded({name: front.port for name, front in fronts.items()}, seconds, rounds)


def configuration(asked: int) -> str:
    """What ``stockade config nginx`` prints, with a file where the application would be."""
    printed = render("nginx", gateway=f"127.0.0.1:{asked}", upstream=BEHIND, site="http://localhost:54321")
    return (
        printed.replace(f"proxy_pass http://{BEHIND};", "root $DIR; try_files /hello =404;")
        .replace("listen 54321;", "listen 127.0.0.1:$PORT; access_log off;")
        .replace("listen 54321", "listen 127.0.0.1:$PORT")
    )
