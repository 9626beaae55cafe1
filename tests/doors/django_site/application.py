"""The project as servers load it: ``:wsgi`` and ``:asgi``."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.doors.django_site.settings")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402  only once set up
from django.core.wsgi import get_wsgi_application  # noqa: E402

wsgi = get_wsgi_application()
asgi = get_asgi_application()
