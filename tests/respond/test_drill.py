"""A drill: somebody's account is stolen in a copy, what was planted is found, and the score says how it went."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from stockade.cli.secretfile import appending
from stockade.directory import BuiltinDirectory, Level
from stockade.directory.sealing import Sealing
from stockade.errors import Unavailable
from tests.cli.conftest import terminal
from tests.cli.terminal import Terminal
from tests.respond.cacao_schema import PLAYBOOK

__all__ = ["terminal"]


@pytest.fixture
def drill(terminal: Terminal) -> Terminal:
    """A drill in a made-up organisation, and a terminal within it."""
    said = terminal("drill account practice --organisation --seed 4")
    assert said.code == 0, said.err
    assert "stockade review --instance" in said.out
    terminal.environ["STOCKADE_CONFIG"] = str(terminal.directory / "practice" / "stockade.toml")
    return terminal


def answers(drill: Terminal) -> dict[str, object]:
    found: dict[str, object] = json.loads((drill.directory / "practice" / "answers.json").read_text())
    return found


def victim(drill: Terminal) -> str:
    return str(answers(drill)["victim"]).rpartition("/")[2]


def planted(drill: Terminal) -> set[str]:
    return {each["ref"] for each in answers(drill)["planted"]}  # type: ignore[attr-defined]


def contained(drill: Terminal) -> str:
    """A plan that was drawn, approved and run; its digest."""
    assert drill(f"plan account {victim(drill)}").code == 0
    digest = str(drill("plan list --json").json[0]["digest"])
    assert drill(f"approve {digest}").code == 0
    said = drill(f"run {digest} --secrets-to new")
    assert said.code == 0, said.err
    return digest


def test_every_artefact_is_found_and_a_plan_ends_them_all(drill: Terminal) -> None:
    review = drill("review --instance --since 6h --json").json
    assert [each["account"] for each in review["accounts"] if each["worst"] == "high"] == [answers(drill)["victim"]]
    reviewed = {line["entry"]["target"] for each in review["classes"] for line in each["entries"]}
    made = {each["ref"] for each in drill(f"reach {victim(drill)} --from 6h --json").json["made"]}
    assert planted(drill) <= reviewed | {answers(drill)["victim"]}, planted(drill) - reviewed
    assert planted(drill) <= made, planted(drill) - made
    digest = contained(drill)
    said = drill("drill score practice --json")
    assert (said.code, said.json["points"], said.json["missed"], said.json["wrong"]) == (0, 100, [], [])
    assert said.json["contained"] < 120
    Draft202012Validator(PLAYBOOK).validate(drill(f"plan export {digest}").json)
    through_the_gate(drill, digest)


def through_the_gate(drill: Terminal, digest: str) -> None:
    """Nobody is let in before all is looked at again and done by hand; then they are."""
    assert drill(f"unblock {victim(drill)}").code == 3
    assert drill(f"verify {digest}").code == 0
    refused = drill(f"unblock {victim(drill)}")
    assert (refused.code, "rotated" in refused.err) == (3, True)
    steps = drill(f"plan show {digest} --json").json["steps"]
    left = [str(each["number"]) for each in steps if each.get("by_hand") and each["progress"] == "pending"]
    assert drill(f"done {digest} {' '.join(left)} --note renewed").code == 0
    said = drill(f"unblock {victim(drill)}")
    assert said.code == 0, said.err
    states = {each["name"]: each["state"] for each in drill("accounts --json").json}
    assert states[victim(drill)] == "active"


def test_before_anything_is_done_there_are_no_points(drill: Terminal) -> None:
    said = drill("drill score practice")
    assert said.code == 1
    assert "0 of 100 points" in said.out
    assert said.out.count("missed") == len(planted(drill))


def test_to_shut_out_somebody_else_is_wrong_and_said_so(drill: Terminal) -> None:
    other = next(each["name"] for each in drill("accounts --json").json if each["name"] != victim(drill))
    drill(f"user block {other}")
    drill(f"user block {victim(drill)}")
    said = drill("drill score practice")
    assert f"{other} was shut out, and had nothing to do with it" in said.out


def test_the_drill_is_in_a_copy_that_holds_no_secret_of_ours(terminal: Terminal) -> None:
    terminal.run("user", "add", "alice", given="correct horse battery\n")
    token = terminal.run("token", "issue", "alice", "laptop", "--scope", "api").out.split()[1]
    state = terminal.directory / "state"
    sealing = Sealing.kept_in(state / "directory.key")
    with BuiltinDirectory(f"sqlite:///{state}/directory.sqlite3", sealing=sealing) as directory:
        directory.create_repository("group/app")
        directory.add_member("alice", "group/app", Level.MAINTAINER)
        directory.set_variable("group/app", "PROD_KEY", "a secret of ours")
    assert terminal("drill account practice").code == 0
    place = terminal.directory / "practice"
    assert json.loads((place / "answers.json").read_text())["victim"] == "stockade:user/alice"
    kept = b"".join(file.read_bytes() for file in place.rglob("*") if file.is_file())
    for secret in (token, "correct horse battery", "a secret of ours"):
        assert secret.encode() not in kept
    assert [path.stat().st_mode & 0o777 for path in (place, place / "answers.json")] == [0o700, 0o600]


def test_a_place_that_is_taken_and_one_without_a_drill_are_refused(terminal: Terminal, tmp_path: Path) -> None:
    (terminal.directory / "practice").mkdir()
    assert terminal("drill account practice --organisation").code == 2
    assert terminal("drill score practice").code == 2


def test_without_anybody_to_steal_from_it_says_what_to_do(terminal: Terminal) -> None:
    assert terminal("user add ci --bot").code == 0
    said = terminal("drill account practice")
    assert said.code == 3
    assert "--organisation" in said.err


def test_a_script_names_a_file_for_new_secrets_before_anything_is_done(drill: Terminal) -> None:
    assert drill(f"plan account {victim(drill)}").code == 0
    digest = str(drill("plan list --json").json[0]["digest"])
    drill.environ["COLUMNS"] = "80"
    shown = drill(f"plan show {digest}").out.splitlines()
    assert len(shown) < 3.5 * len(drill(f"plan show {digest} --json").json["steps"]), "a small terminal wraps little"
    drill(f"approve {digest}")
    said = drill(f"run {digest} --json")
    assert (said.code, "--secrets-to FILE" in said.err) == (2, True)
    assert drill(f"plan show {digest} --json").json["state"] == "approved"
    assert drill(f"run {digest} --json --secrets-to new").json["state"] == "contained, unverified"
    assert (drill.directory / "new").read_text()


def test_a_secret_that_cannot_be_written_down_is_told_and_not_taken_for_handed_over(tmp_path: Path) -> None:
    write = appending(tmp_path / "new")
    write("stockade:token/1 whole\n")
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30, was[1]))  # as much as a full disk has room for
    try:
        for said in ("half a secret", "cannot be written"):
            with pytest.raises(Unavailable, match=said):
                write("stockade:token/2 half\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
