"""Flask behind the guard, through its own test client and command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.views import MethodView

from stockade import ConfigurationError, Fail2Ban, Guard, Safelist, Throttle, header, route, status
from stockade.flask import Stockade, limited
from stockade.guard.shared import SharedStore

ONE = Throttle("one", limit=1, period=60)


def statuses(app: Flask, *paths: str, by: str = "1.2.3.4") -> list[int]:
    asking = app.test_client()
    return [asking.get(each, environ_base={"REMOTE_ADDR": by}).status_code for each in paths]


def shop(*rules: Any) -> Flask:
    app = Flask(__name__)
    Stockade(app, Guard(*rules))
    back = Blueprint("back", __name__, url_prefix="/back")

    @app.get("/items/<int:number>")
    def item(number: int) -> str:
        return str(number)

    @app.get("/one")
    @limited(ONE)
    def one() -> str:
        return "one"

    @app.get("/later")
    @limited(Throttle("later", limit=1, period=60))
    async def later() -> str:
        return "later"

    @back.get("/<name>")
    @limited(Fail2Ban("guesses", maxretry=2, findtime=60, bantime=60, when=status(404)))
    def page(name: str) -> Any:
        return ("not here", 404) if name == "nothing" else name

    class Reports(MethodView):
        @limited(Throttle("reports", limit=1, period=60))
        def get(self) -> str:
            return "report"

    app.register_blueprint(back)
    app.add_url_rule("/reports", view_func=Reports.as_view("reports"))
    return app


def test_a_rule_about_a_route_counts_every_address_of_it() -> None:
    app = shop(Throttle("items", limit=2, period=60, when=route("/items/<int:number>")))
    tried = statuses(app, "/items/x", "/items/1", "/items/2", "/items/3", "/items/4/", "/one")
    assert tried == [404, 200, 200, 429, 404, 200]


@pytest.mark.parametrize("where", ["/one", "/later", "/reports"])
def test_a_decorated_view_has_a_limit_of_its_own(where: str) -> None:
    assert statuses(shop(), where, where, "/items/1") == [200, 429, 200]


def test_a_refusal_is_the_guards_own_answer_and_is_told_every_quota() -> None:
    asking = shop(Throttle("all", limit=100, period=60)).test_client()
    assert asking.get("/one").headers["ratelimit-policy"] == '"all";q=100;w=60, "one";q=1;w=60'
    refused = asking.get("/one", headers={"accept": "application/problem+json"})
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert refused.get_json()["violated-policies"] == ["one"]
    assert int(refused.headers["retry-after"]) > 0


def test_a_view_may_count_its_own_failures() -> None:
    assert statuses(shop(), *["/back/something"] * 3, *["/back/nothing"] * 3) == [200, 200, 200, 404, 404, 403]


def test_the_safelist_wins_over_a_views_own_rules() -> None:
    asking = shop(Safelist("probes", header("x-probe"))).test_client()
    assert [asking.get("/one", headers={"x-probe": "1"}).status_code for _ in range(3)] == [200] * 3


def test_a_stream_is_not_collected_first() -> None:
    app = shop()
    made: list[int] = []

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            for number in range(3):
                made.append(number)
                yield f"{number}\n"

        return Response(parts())

    reply = app.test_client().get("/stream", buffered=False)
    assert len(made) < 3
    assert reply.get_data() == b"0\n1\n2\n"


def test_an_application_may_be_made_first_and_protected_later_and_twice() -> None:
    extension = Stockade(guard=Guard(Throttle("t", limit=2, period=60)))
    app = Flask(__name__)
    extension.init_app(app)
    extension.init_app(app)
    assert statuses(app, "/", "/", "/") == [404, 404, 429]


def test_what_is_missing_is_said() -> None:
    app = Flask(__name__)

    @app.get("/")
    @limited(ONE)
    def page() -> str:
        return "page"

    app.testing = True
    with pytest.raises(ConfigurationError, match="no guard stands in front"):
        app.test_client().get("/")
    with pytest.raises(ConfigurationError, match="no guard to put"):
        Stockade(app)


def test_a_store_that_must_be_awaited_is_refused_at_once() -> None:
    class Faraway:
        async def count(self, *_: Any) -> list[Any]:
            return []

        ban = forget = bans = networks = count

    with pytest.raises(ConfigurationError, match="cannot await"):
        Stockade(Flask(__name__), Guard(store=Faraway()))  # type: ignore[arg-type]


def test_bans_are_seen_made_and_lifted_from_the_command_line(tmp_path: Path) -> None:
    app = Flask(__name__)
    Stockade(app, Guard(store=SharedStore(tmp_path / "guard", clients=1000)))

    def said(*words: str) -> str:
        result = app.test_cli_runner().invoke(args=["stockade", *words])
        assert result.exit_code == 0, result.output
        return result.output.strip()

    assert said("bans") == "Nobody is banned."
    assert said("ban", "1.2.3.4", "--reason", "\x1b[31mscraping") == "1.2.3.4  for ever  by hand  \\x1b[31mscraping"
    assert said("ban", "user:mallory", "--seconds", "60").startswith("user:mallory  until ")
    assert len(said("bans").splitlines()) == 2
    assert statuses(app, "/") == [403]
    assert said("unban", "1.2.3.4").startswith("Lifted: 1.2.3.4  for ever")
    assert said("unban", "1.2.3.4") == "1.2.3.4 was not banned; its counters are clear."
    assert statuses(app, "/") == [404]


def test_what_cannot_be_banned_is_said_in_words(tmp_path: Path) -> None:
    app = Flask(__name__)
    Stockade(app, Guard(store=SharedStore(tmp_path / "guard", clients=1000), operators=["203.0.113.7"]))
    result = app.test_cli_runner().invoke(args=["stockade", "ban", "203.0.113.0/24"])
    assert result.exit_code == 1
    assert "which can never be banned" in result.output


def test_bans_in_another_process_are_not_pretended_to_be_seen() -> None:
    for command in (["bans"], ["ban", "203.0.113.9"], ["unban", "203.0.113.9"]):
        result = shop().test_cli_runner().invoke(args=["stockade", *command])
        assert result.exit_code == 1
        assert "the memory of the process that serves" in result.output
