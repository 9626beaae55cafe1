"""A Django site with its administration reports what happens on it, to a file that the intake reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.intake.lines import reading

SITE = """
import sys
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
)
django.setup()
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import path
from stockade.django.reporting import into_file, report

urlpatterns = [path("admin/", admin.site.urls)]
report(into_file(sys.argv[1]))
report(into_file(sys.argv[1]))
call_command("migrate", verbosity=0)
get_user_model().objects.create_superuser("root", password="right")
client = Client(REMOTE_ADDR="203.0.113.9")
for password in ("hunter2", "right"):
    client.post("/admin/login/", {"username": "root", "password": password})
added = {"username": "eve", "password1": "Xq7-long-enough", "password2": "Xq7-long-enough", "usable_password": "true"}
client.post("/admin/auth/user/add/", added)
eve = get_user_model().objects.get(username="eve")
client.post(f"/admin/auth/user/{eve.pk}/delete/", {"post": "yes"})
client.post("/admin/logout/")
"""


def test_what_happens_on_a_site_is_in_its_file(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    command = [sys.executable, "-W", "ignore", "-c", SITE, str(events)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    read = reading("django")
    lines = events.read_text().splitlines()
    found = [taken.event for line in lines for taken in read(line)]
    assert [(event.action, str(event.actor), event.source) for event in found] == [
        ("authentication.failure", "django:user/root", "203.0.113.9"),
        ("authentication.success", "django:user/root", "203.0.113.9"),
        ("user.create", "django:user/root", None),
        ("user.remove", "django:user/root", None),
        ("session.end", "django:user/root", "203.0.113.9"),
    ]
    assert [str(event.target) for event in found[2:4]] == ["django:user/2", "django:user/2"]
    assert found[2].details["object_name"] == "eve"
    assert "hunter2" not in events.read_text()
    assert events.stat().st_mode & 0o777 == 0o600
