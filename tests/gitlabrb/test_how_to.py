"""The how-to page says what the import really does."""

from __future__ import annotations

import re
from pathlib import Path

from stockade.gitlabrb import translate
from tests.documents.reader import Reader

PAGE = (Path(__file__).parents[2] / "docs/how-to/come-from-gitlab.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_becomes_what_the_page_shows() -> None:
    assert translate(block("ruby")).toml() == block("toml")


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "gitlab.rb").write_text(block("ruby"))
    with Reader(tmp_path) as reader:
        reader.follow(PAGE.replace("/etc/gitlab/", ""))
