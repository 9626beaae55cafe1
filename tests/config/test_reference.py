"""The reference of settings is what the settings say of themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stockade.config.gitlab import THROTTLES
from stockade.config.gitlab_rules import preset
from stockade.config.reference import TABLES, reference
from stockade.config.settings import Settings
from stockade.config.tables import MEANING, settings_of
from tests.config.written import settings

SHAPES: tuple[type[Any], ...] = (Settings, *(shape for _, shape in TABLES))
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "python -m stockade.config.reference docs/reference/configuration.md"


def test_every_setting_is_on_it() -> None:
    page = reference()
    named = [found.name for shape in SHAPES for found in settings_of(shape)]
    assert [name for name in named if f"`{name}`" not in page and f"[[{name}]]" not in page] == []


def test_every_setting_has_a_meaning_or_a_table_of_its_own() -> None:
    titles = " ".join(title for title, _ in TABLES)
    for shape in SHAPES:
        for found in settings_of(shape):
            assert found.metadata[MEANING] or f"[[{found.name}]]" in titles, found.name


def test_its_examples_can_be_followed() -> None:
    examples = re.findall(r"```toml\n(.*?)```", reference(), re.DOTALL)
    assert examples
    for example in examples:
        settings(example)


def test_every_throttle_of_gitlab_can_be_changed_by_its_setting() -> None:
    assert {entry.get("setting", entry["name"]) for entry in preset()["throttle"]} == set(THROTTLES)
