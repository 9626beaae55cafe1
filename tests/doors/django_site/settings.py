"""Settings of the test project. ``SHARED`` in the environment is where workers share a store."""

import os
import tempfile

from stockade import Allow2Ban, MemoryStore, Throttle, route
from stockade.django.conditions import sign_in_failed
from stockade.guard.shared import SharedStore

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.doors.django_site.urls"
TIME_ZONE = "UTC"  # Django sets it for the whole process
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "stockade.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "stockade.django.middleware.GuardMiddleware",
]
PLACE = os.environ.get("DATABASE") or tempfile.mkdtemp(prefix="stockade-django-")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{PLACE}/db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": "{{ form.errors }}"})]
        },
    }
]
LOGIN_REDIRECT_URL = "/"
SHARED = os.environ.get("SHARED")
STOCKADE = {
    "rules": [
        Allow2Ban("sign-in", maxretry=3, findtime=86400, bantime=86400, when=sign_in_failed()),
        Throttle("items", limit=2, period=1e9, window="fixed", when=route("items/<int:number>/")),
    ],
    "store": SharedStore(SHARED, clients=1000) if SHARED else MemoryStore(),
}
