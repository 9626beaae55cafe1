"""What the tests of looking at a machine share."""

from __future__ import annotations

from tests.cli.terminal import terminal

__all__ = ["terminal"]
