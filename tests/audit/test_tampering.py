"""Every known way to change what a log says is found, and named; see the matrix. And its writer may be killed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from torture.killing import killed
from torture.tampering import MATRIX, Row, attempted

CLASSES = {
    *("edit", "delete", "reorder", "tail cut", "head cut", "segment swap", "tile flip", "checkpoint rollback"),
    *("whole-directory rollback", "fork with the stolen key", "key swap", "sink copy edited", "index edited"),
    "clock moved",
}


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: str(row.name))
def test_it_is_found_and_named(row: Row, tmp_path: Path) -> None:
    assert re.search(row.named, attempted(row, tmp_path))


def test_every_class_has_its_row() -> None:
    assert {row.name for row in MATRIX} >= CLASSES


def test_a_writer_that_is_killed_again_and_again_loses_nothing_it_has_answered(tmp_path: Path) -> None:
    answered, size = killed(tmp_path, 8, seed=7)
    assert size >= answered > 0
