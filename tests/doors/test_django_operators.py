"""What Django's operators are told: system checks and commands."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.doors.django_site.settings")
django.setup()

from django.core.checks import run_checks  # noqa: E402  Django first
from django.core.management import CommandError, call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from stockade import Allow2Ban, Throttle, user  # noqa: E402
from stockade.django.checks import check_guard, check_store  # noqa: E402
from stockade.django.conditions import sign_in_failed  # noqa: E402
from stockade.guard.rules import Rule  # noqa: E402
from stockade.guard.shared import SharedStore  # noqa: E402

ALL = Throttle("all", limit=2, period=60)
OURS = "stockade.django.middleware.GuardMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def found(*, deploy: bool = False, **settings: Any) -> dict[str, str]:
    """The numbers of our checks that something failed, each with what to do."""
    with override_settings(**settings):
        return {each.id: each.hint for each in [*check_guard(), *(check_store() if deploy else ())]}


def test_a_sound_project_is_told_nothing() -> None:
    assert found() == {}


def test_django_runs_the_checks() -> None:
    with override_settings(STOCKADE={}):
        assert {each.id for each in run_checks(include_deployment_checks=True)} >= {"stockade.W001", "stockade.W003"}


def stockade(*rules: Rule, **options: Any) -> dict[str, Any]:
    return {"STOCKADE": {"rules": rules, **options}}


BY_USER = Throttle("t", limit=1, period=1, by="user")
ABOUT_USERS = Throttle("t", limit=1, period=1, when=~user("x"))
WITHOUT_USERS = {"INSTALLED_APPS": ["django.contrib.contenttypes", "stockade.django"], "MIDDLEWARE": [OURS]}


@pytest.mark.parametrize(
    ("number", "settings", "advice"),
    [
        ("E001", stockade(trusted_proxy=[]), "trusted_proxies"),
        ("E001", stockade(ALL, ALL), "name of its own"),
        ("E002", {"MIDDLEWARE": [SESSION, AUTHENTICATION]}, f"Put {OURS!r} into MIDDLEWARE"),
        ("E003", {"MIDDLEWARE": [OURS, SESSION, AUTHENTICATION], **stockade(BY_USER)}, f"after {AUTHENTICATION!r}"),
        ("E003", {"MIDDLEWARE": [OURS], **stockade(ABOUT_USERS)}, "after"),
        ("W002", {"USE_X_FORWARDED_HOST": True}, '"trusted_proxies"'),
        ("W002", {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, "connects from"),
        ("W003", stockade(), "for a start"),
        ("W004", WITHOUT_USERS, "INSTALLED_APPS"),
    ],
)
def test_what_is_wrong_has_a_number_and_a_remedy(number: str, settings: dict[str, Any], advice: str) -> None:
    messages = found(**settings)
    assert list(messages) == [f"stockade.{number}"]
    assert advice in messages[f"stockade.{number}"]


def test_a_declared_proxy_is_not_warned_about() -> None:
    assert found(USE_X_FORWARDED_HOST=True, STOCKADE={"rules": [ALL], "trusted_proxies": ["10.0.0.0/8"]}) == {}


def test_before_deployment_a_memory_for_each_process_is_warned_about(tmp_path: Path) -> None:
    assert "SharedStore" in found(deploy=True)["stockade.W001"]
    assert found(deploy=True, STOCKADE={"rules": [ALL], "store": SharedStore(tmp_path / "g", clients=1000)}) == {}


def said(command: str, *words: str) -> str:
    out = StringIO()
    call_command(command, *words, stdout=out)
    return out.getvalue().strip()


def test_bans_are_seen_made_explained_and_lifted_from_the_command_line(tmp_path: Path) -> None:
    rule = Allow2Ban("sign-in", maxretry=5, findtime=60, bantime=600, when=sign_in_failed())
    store = SharedStore(tmp_path / "guard", clients=1000)
    with override_settings(STOCKADE={"rules": [rule], "store": store, "operators": ["203.0.113.7"]}):
        assert said("stockade_bans") == "Nobody is banned."
        assert said("stockade_ban", "127.0.0.1", "--seconds", "60", "--reason", "scraping\x1b[2J").endswith(
            "scraping\\x1b[2J"
        )
        (ban,) = json.loads(said("stockade_bans", "--json"))
        assert (ban["client"], ban["rule"]) == ("127.0.0.1", "manual")
        assert Client().get("/").status_code == 403
        explained = said("stockade_explain", "POST /accounts/login/ from 127.0.0.1").splitlines()
        assert explained[0].startswith("127.0.0.1  until ")
        assert explained[1].startswith("sign-in (allow2ban) may apply: 5 strikes in")
        assert said("stockade_unban", "127.0.0.1").startswith("Lifted: 127.0.0.1")
        assert said("stockade_explain", "127.0.0.1") == "127.0.0.1 is not banned."
        assert "can never be banned" in said("stockade_explain", "203.0.113.7")
        assert Client().get("/").status_code == 200
        with pytest.raises(CommandError, match="can never be banned"):
            said("stockade_ban", "203.0.113.7")


def test_bans_in_another_process_are_not_pretended_to_be_seen() -> None:
    with pytest.raises(CommandError, match="the memory of the process that serves"):
        said("stockade_bans")
