"""The small forge of the gateway's tests is what is attacked."""

from __future__ import annotations

from tests.acceptance.conftest import site
from tests.gateway.conftest import forge, git, start_forge

__all__ = ["forge", "git", "site", "start_forge"]
