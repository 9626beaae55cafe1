"""The pages on changing every secret and on rebuilding a machine come true when they are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.reader import Reader, page


@pytest.mark.parametrize("name", ["change-every-secret", "rebuild"])
def test_what_the_page_says_comes_true(name: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page(f"docs/how-to/{name}.md"))
