"""Rigs for every kind of sink."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.conftest import Stage, filled, stage, terminal
from tests.audit.sinks.rigs import FileRig

__all__ = ["Stage", "filled", "stage", "terminal"]


@pytest.fixture
def file_rig(tmp_path: Path) -> Iterator[FileRig]:
    rig = FileRig(tmp_path)
    yield rig
    rig.unseal()
