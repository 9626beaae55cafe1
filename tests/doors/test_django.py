"""Django behind the guard, through its own test clients, waiting and awaiting."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.doors.django_site.settings")
django.setup()

from asgiref.sync import async_to_sync  # noqa: E402  Django first
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import AsyncClient, Client, override_settings  # noqa: E402

from stockade import (  # noqa: E402
    Allow2Ban,
    ConfigurationError,
    Guard,
    Identity,
    Safelist,
    Throttle,
    header,
    route,
    status,
    user,
)
from stockade.django.conditions import form_field, sign_in_failed, signed_in  # noqa: E402
from stockade.django.request import by_session  # noqa: E402
from stockade.django.setting import guard  # noqa: E402

WRONG = {"username": "ann", "password": "wrong"}
RIGHT = {"username": "ann", "password": "right"}
PER_NAME = Allow2Ban(
    "sign-in", maxretry=3, findtime=60, bantime=60, when=sign_in_failed(), by=["address", form_field("username")]
)
SIGN_IN = Allow2Ban("sign-in", maxretry=3, findtime=60, bantime=60, when=sign_in_failed(), reset=signed_in())
ALL = Throttle("all", limit=2, period=60)


@pytest.fixture(scope="module", autouse=True)
def people() -> None:
    call_command("migrate", verbosity=0)
    model = get_user_model()
    for name in ("ann", "bob"):
        if not model.objects.filter(username=name).exists():
            model.objects.create_user(name, password="right")


class Asking:
    """Either of Django's test clients, under one name."""

    def __init__(self, kind: type[Client | AsyncClient]) -> None:
        self.client = kind()

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        ask = getattr(self.client, method)
        return ask(path, **options) if isinstance(self.client, Client) else async_to_sync(ask)(path, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self("get", path, **options)

    def post(self, path: str, data: dict[str, str]) -> Any:
        return self("post", path, data=data)

    def statuses(self, *paths: str) -> list[int]:
        return [self.get(path).status_code for path in paths]


@pytest.fixture(params=[Client, AsyncClient])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


Protected = Callable[..., Asking]


@pytest.fixture
def protected(kind: Any) -> Iterator[Protected]:
    """``protected(rule, …)`` answers a client of the site behind these rules."""
    with override_settings():

        def protect(*rules: Any, **options: Any) -> Asking:
            override_settings(STOCKADE={"rules": rules, **options}).enable()
            return Asking(kind)

        yield protect


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def test_requests_are_throttled_and_told_how_their_quota_stands(protected: Protected) -> None:
    asking = protected(ALL)
    assert "RateLimit" not in asking.get("/").headers
    assert asking.get("/").headers["RateLimit"].startswith('"all";r=0;t=')
    assert asking.statuses("/") == [429]
    refused = asking.get("/", headers={"accept": "application/problem+json"})
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("template", "served"), [("items/<int:number>/", "/items/{}/"), ("in/deep/<slug:name>/", "/in/deep/a{}/")]
)
def test_a_rule_about_a_route_counts_every_address_of_it(protected: Protected, template: str, served: str) -> None:
    asking = protected(Throttle("t", limit=2, period=60, when=route(template)))
    tried = asking.statuses("/", "/nowhere/", *(served.format(n) for n in range(3)), "/")
    assert tried == [200, 404, 200, 200, 429, 200]


def test_an_error_of_a_view_is_an_answer_like_any_other(protected: Protected) -> None:
    asking = protected(Allow2Ban("scan", maxretry=2, findtime=60, bantime=60, when=status(404)))
    assert asking.statuses("/a", "/b", "/") == [404, 404, 403]


def test_the_middleware_may_stand_twice(protected: Protected) -> None:
    twice = ["stockade.django.middleware.GuardMiddleware"] * 2
    with override_settings(MIDDLEWARE=twice):
        assert protected(ALL).statuses("/", "/", "/") == [200, 200, 429]


def test_switched_off_it_does_nothing(protected: Protected) -> None:
    asking = protected(ALL)
    guard().enabled = False
    assert asking.statuses("/", "/", "/") == [200] * 3


# ── sign-ins ─────────────────────────────────────────────────────────────────────────────────────────


def test_failed_sign_ins_ban_though_the_page_answers_200(protected: Protected) -> None:
    asking = protected(SIGN_IN)
    assert [asking.post("/accounts/login/", WRONG).status_code for _ in range(3)] == [200] * 3
    assert asking.post("/accounts/login/", RIGHT).status_code == 403
    assert asking.statuses("/") == [403]
    (ban,) = guard().bans()
    assert (ban.client, ban.rule, ban.evidence) == ("127.0.0.1", "sign-in", "POST /accounts/login 200")


@pytest.mark.parametrize("where", ["/api/login/", "/later/login/"])
def test_any_view_that_signs_in_is_counted(protected: Protected, where: str) -> None:
    asking = protected(SIGN_IN)
    failed = f"{where}?name=ann&password=wrong"
    assert asking.statuses(failed, "/", failed, "/", failed, "/") == [200] * 5 + [403]


@pytest.mark.parametrize("where", ["/accounts/login/", "/later/login/"])
def test_a_success_resets_the_count(protected: Protected, where: str) -> None:
    asking = protected(SIGN_IN)
    form = where == "/accounts/login/"
    for _ in range(2):
        for _ in range(2):
            asking.post(where, WRONG) if form else asking.get(f"{where}?name=ann&password=wrong")
        asking.post(where, RIGHT) if form else asking.get(f"{where}?name=ann&password=right")
    assert asking.statuses("/") == [200]
    assert guard().bans() == []


def test_failures_can_be_counted_by_the_name_tried_so_that_an_office_is_not_locked_out(protected: Protected) -> None:
    asking = protected(PER_NAME)
    for _ in range(3):
        asking.post("/accounts/login/", WRONG | {"username": " ANN"})
    assert asking.post("/accounts/login/", RIGHT).status_code == 403
    assert asking.post("/accounts/login/", RIGHT | {"username": "bob"}).status_code == 302
    assert asking.statuses("/") == [200]


# ── users ────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_count_by_user_and_bans_name_them(protected: Protected) -> None:
    asking = protected(Throttle("mine", limit=2, period=60, by="user"))
    assert asking.statuses("/", "/", "/") == [200] * 3
    asking.post("/accounts/login/", RIGHT)
    assert asking.statuses("/mine/", "/mine/", "/mine/") == [200, 200, 429]
    guard().unban("user:ann")
    assert asking.statuses("/mine/") == [200]
    guard().ban("user:ann")
    assert asking.statuses("/mine/") == [403]


def test_users_can_be_asked_for_and_events_name_them(protected: Protected) -> None:
    events: list[Any] = []
    asking = protected(Throttle("t", limit=0, period=60, when=user("ann")), record=events.append)
    assert asking.statuses("/") == [200]
    asking.post("/accounts/login/", RIGHT)
    assert asking.statuses("/") == [429]
    assert str(events[-1].actor) == "stockade:user/ann"


def test_a_page_without_a_session_is_not_made_to_vary_by_cookie(protected: Protected) -> None:
    asking = protected(Throttle("mine", limit=2, period=60, by="user"))
    assert "Vary" not in asking.get("/").headers


def test_identify_may_be_ones_own(protected: Protected) -> None:
    asking = protected(Throttle("t", limit=0, period=60, by="token"), identify=lambda _: Identity(token="x"))
    assert asking.statuses("/") == [429]


def test_a_request_from_elsewhere_proves_nobody() -> None:
    request = Guard().client("1.2.3.4")
    assert by_session(request) is None  # type: ignore[arg-type]


# ── single views ─────────────────────────────────────────────────────────────────────────────────────


def test_views_have_limits_of_their_own(protected: Protected) -> None:
    asking = protected(Throttle("all", limit=99, period=60))
    assert '"reports";q=1;w=86400' in asking.get("/report/2026/").headers["RateLimit-Policy"]
    assert asking.statuses("/report/2025/", "/later/", "/later/", "/") == [429, 200, 429, 200]


def test_a_view_may_count_its_own_failures(protected: Protected) -> None:
    assert protected().statuses("/guess/", "/guess/", "/guess/", "/") == [404, 404, 403, 200]


def test_the_safelist_wins_over_a_views_own_rules(protected: Protected) -> None:
    asking = protected(Safelist("probes", header("x-probe")))
    assert [asking.get("/report/1/", headers={"x-probe": "1"}).status_code for _ in range(3)] == [200] * 3


# ── the setting ──────────────────────────────────────────────────────────────────────────────────────


def made() -> Guard:
    return Guard(ALL)


@pytest.mark.parametrize("setting", ["tests.doors.test_django.made", made, Guard(ALL), {"rules": [ALL]}])
def test_the_setting_is_rules_or_a_guard_or_a_function_or_its_path(setting: Any) -> None:
    with override_settings(STOCKADE=setting):
        assert [rule.name for rule in guard().policy.rules] == ["all"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"rule": []}, "Did you mean 'rules'"),
        ({"nonsense": 1}, "It knows rules, store"),
        ("nowhere.at.all", "cannot be imported"),
        (None, "which is no guard"),
        ("tests.doors.test_django.WRONG", "which is no guard"),
    ],
)
def test_a_setting_that_cannot_be_followed_says_what_to_write(setting: Any, said: str) -> None:
    with override_settings(STOCKADE=setting), pytest.raises(ConfigurationError) as error:
        guard()
    assert said in str(error.value)


def test_a_store_that_must_be_awaited_needs_asgi() -> None:
    class Faraway:
        async def count(self, *_: Any) -> list[Any]:
            return []

        ban = forget = bans = networks = count

    with override_settings(STOCKADE={"store": Faraway()}), pytest.raises(ConfigurationError, match="ASGI"):
        Client().get("/")


def test_bans_are_in_the_log_named_stockade(protected: Protected, caplog: pytest.LogCaptureFixture) -> None:
    asking = protected(SIGN_IN)
    for _ in range(3):
        asking.post("/accounts/login/", WRONG)
    (record,) = [each for each in caplog.records if each.name == "stockade"]
    assert record.levelname == "WARNING"
    assert '"action": "guard.ban"' in record.getMessage()
