"""What stands behind each command of a response comes true: plans of three kinds, two people, and past the gate."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

from stockade.config import load
from tests.documents.reader import Reader, page, sections
from tests.documents.test_compromised import prepare

BY_HAND = 6
"""The number of the step that gives the variable another value."""
PAGE = sections(page("docs/how-to/plan-and-run.md"))


def typed(section: str, **instead: str) -> str:
    """A section all of whose commands are typed, whatever they answer, with the names of this place for the page's."""
    text = re.sub(r"^(\$ .*)$", r"\1\n…", PAGE[section].replace("```text", "```console"), flags=re.MULTILINE)
    for name, value in instead.items():
        text = text.replace(name.lstrip("_"), value)
    return text


def test_plans_are_drawn_approved_run_and_waived_as_the_page_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        prepare(reader)
        shell(reader, "stockade user add ci --bot; stockade token issue ci deploys --scope api")
        shell(reader, "stockade token issue alice y --scope api | grep -o 'stk_[^ ]*' | head -1 > leaked.txt")
        number = tokens(reader)[-1]
        reader.follow(typed("Plans", _812=number))
        plans = {plan["playbook"]: plan["digest"] for plan in json.loads(reader._run("stockade plan list --json"))}
        assert plans.keys() == {"account", "token", "bot"}
        mine = plans["account"]
        reader.follow(typed("Two people", _3f9ac1d2=mine))
        reader.follow(typed("Past the gate", _3f9ac1d2=mine).replace(f"{mine} 17", f"{mine} {BY_HAND}"))
        told = re.findall(r"^(NO|yes|waived) +(\w+)", reader._run("stockade unblock alice"), re.MULTILINE)
        assert {("NO", "contained"), ("yes", "foreign"), ("waived", "factor")} < set(told)  # one tactic was approved
        assert ("yes", "rotated") in told


def test_what_two_people_need_is_a_configuration(tmp_path: Path) -> None:
    (written,) = re.findall(r"```toml\n(.*?)```", PAGE["Two people"], re.DOTALL)
    (tmp_path / "stockade.toml").write_text(written)
    told = load(tmp_path / "stockade.toml").respond
    assert (told.approvals, list(told.approvers)) == (2, tomllib.loads(written)["respond"]["approvers"])


def tokens(reader: Reader) -> list[str]:
    return [str(each["id"]) for each in json.loads(reader._run("stockade token list --json"))]


def shell(reader: Reader, command: str) -> None:
    subprocess.run(["bash", "-c", command], env=reader._env(), cwd=reader.place, check=True, capture_output=True)
