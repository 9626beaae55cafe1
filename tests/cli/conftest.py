"""What the tests of the command line share."""

from __future__ import annotations

from tests.cli.terminal import terminal

__all__ = ["terminal"]
