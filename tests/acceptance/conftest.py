"""Every story is told twice: through ASGI and through WSGI."""

from __future__ import annotations

from typing import cast

import pytest

from tests.acceptance.site import Door, Site


@pytest.fixture(params=["asgi", "wsgi"])
def site(request: pytest.FixtureRequest) -> Site:
    return Site(cast("Door", request.param))
