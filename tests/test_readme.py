"""The README tells the truth: its shell blocks are typed, its Python and TOML are read and do what the text says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from starlette.testclient import TestClient

from stockade import Allow2Ban
from stockade.config import load, rules_of
from tests.documents.reader import Reader, blocks, page

README = page("README.md")


def only(language: str) -> str:
    (text,) = (block.text for block in blocks(README) if block.language == language)
    return text


def test_every_block_is_done_and_comes_true(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(README)


def test_the_six_lines_are_six_and_shut_out_who_guesses_and_nobody_else() -> None:
    assert len(only("python").strip().splitlines()) <= 7  # with the empty one
    variables: dict[str, Any] = {}
    exec(only("python"), variables)
    app: FastAPI = variables["app"]

    @app.post("/login")
    def login(password: str) -> str:
        if password != "right":
            raise HTTPException(401)
        return "welcome"

    ann, mallory = (TestClient(app, client=(address, 1)) for address in ("198.51.100.1", "203.0.113.9"))
    tries = [("right", ann)] * 9 + [("wrong", mallory)] * 5 + [("right", mallory), ("right", ann)]
    statuses = [who.post(f"/login?password={password}").status_code for password, who in tries]
    assert statuses == [200] * 9 + [401] * 5 + [403, 200]


def test_the_same_rule_can_be_written_as_toml(tmp_path: Path) -> None:
    file = tmp_path / "stockade.toml"
    file.write_text(only("toml"))
    rule = next(rule for rule in rules_of(load(file, {})) if rule.name == "sign-in")
    assert isinstance(rule, Allow2Ban)
    assert (rule.maxretry, rule.findtime, rule.bantimes) == (5, 600, (600, 3600))
