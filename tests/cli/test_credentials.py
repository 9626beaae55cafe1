"""The commands that list credentials and tell what was within reach, as somebody types them."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.terminal import Terminal, terminal

__all__ = ["terminal"]


@pytest.fixture
def seeded(terminal: Terminal) -> Terminal:
    """A terminal with a small organisation in its directory."""
    assert terminal("seed --people 30").code == 0
    return terminal


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_list_is_cut_in_the_open_and_json_is_whole(seeded: Terminal) -> None:
    said = seeded("credentials --limit 3")
    assert said.code == 0, said.err
    total, left = re.search(r"([\d,]+) credentials of [\d,]+, ([\d,]+) of them not shown", said.out).groups()  # type: ignore[union-attr]
    whole = lines(seeded("credentials --json").out)
    assert len(whole) == int(total.replace(",", "")) == int(left.replace(",", "")) + 3
    assert {
        "ref",
        "kind",
        "holder",
        "scopes",
        "made",
        "last_used",
        "last_address",
        "expires",
        "revocable",
        "why",
    } <= set(whole[0])
    assert len({each["kind"] for each in whole}) > 15
    assert "not shown" not in seeded("credentials --all").out


def test_filters_hold_together_and_say_why(seeded: Terminal) -> None:
    stale = lines(seeded("credentials --json --unused 180d --endless --kind personal").out)
    assert stale
    for each in stale:
        assert each["kind"] == "personal"
        assert each["expires"] is None
        assert any("used for" in str(why) for why in each["why"])  # type: ignore[attr-defined]
    assert seeded("credentials nobody-of-this-name").code == 3
    assert 'there is no kind "persona" of credential' in seeded("credentials --kind persona").err
    assert "nothing found among" in seeded("credentials --in no/such/place").out


def test_a_credential_is_ended_from_the_list_after_a_question(seeded: Terminal) -> None:
    ref = lines(seeded("credentials --json --kind personal").out)[0]["ref"]
    asked = seeded(f"credentials --revoke {ref}", given="n\n")
    assert asked.code == 1
    assert "end token/" in asked.out
    assert ref in {each["ref"] for each in lines(seeded("credentials --json --kind personal").out)}
    assert seeded(f"credentials --revoke {ref} --yes").code == 0
    assert ref not in {each["ref"] for each in lines(seeded("credentials --json --kind personal").out)}
    assert seeded("credentials --revoke token/999999 --yes").code == 3


def test_a_credential_is_replaced_and_the_new_one_shown_once(seeded: Terminal) -> None:
    ref = lines(seeded("credentials --json --kind personal").out)[0]["ref"]
    said = seeded(f"credentials --rotate {ref} --yes")
    assert said.code == 0, said.err
    assert "stk_pat_" in said.out


def test_a_reach_is_told_and_its_list_is_kept_to_a_hundred(terminal: Terminal) -> None:
    assert terminal("user add alice --bot").code == 0
    plain = re.search(r"stk_pat_\w+", terminal("token issue alice deploy --scope api").out)
    assert plain
    said = terminal("reach alice")
    assert said.code == 0, said.err
    assert "alice, not blocked" in said.out
    assert "0 of 2 settled, 0 %" in said.out
    early = terminal("reach alice --done token/1")
    assert early.code == 3
    assert "can still be read by 1 account alice" in early.err
    assert terminal("user block alice").code == 0
    assert "reason" in terminal("reach alice --waive token/1").err
    waived = terminal.run("reach", "alice", "--list", "--waive", "token/1", "--reason", "never handed out")
    assert waived.code == 0, waived.err
    assert "2 of 2 settled, 100 %" in waived.out
    assert "waived" in waived.out
    assert "1 of 2 settled, 50 %" in terminal("reach alice --list --reopen token/1").out
    assert terminal("token revoke 1").code == 0
    whole = terminal("reach alice --json").json
    assert whole["list"]["percent"] == 100
    assert [item["state"] for item in whole["list"]["items"]] == ["done", "done"]


def test_a_token_that_took_anothers_place_is_not_on_the_list_and_the_list_comes_to_its_end(terminal: Terminal) -> None:
    assert terminal("seed --people 12").code == 0

    def listed(name: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = terminal(f"reach {name} --json").json["list"]["items"]
        return found

    people = [
        each["name"] for each in terminal("accounts --json").json if each["kind"] == "human" and not each["admin"]
    ]
    name = next(name for name in people if "token.rotate" in {item["do"] for item in listed(name)})
    assert terminal(f"user block {name}").code == 0
    first = listed(name)
    rotated = [item["ref"] for item in first if item["do"] == "token.rotate" and item["state"] == "open"]
    assert rotated
    for ref in rotated:
        assert terminal(f"credentials --rotate {ref} --yes").code == 0
    then = listed(name)
    assert {item["ref"] for item in then} == {item["ref"] for item in first}
    left = [word for item in then if item["state"] in {"open", "too early"} for word in ("--done", item["ref"])]
    said = terminal.run("reach", name, "--json", *left)
    assert said.code == 0, said.err
    assert said.json["list"]["percent"] == 100


def test_a_token_of_which_only_the_text_is_known_is_asked_for(terminal: Terminal) -> None:
    assert terminal("user add alice --bot").code == 0
    plain = re.search(r"stk_pat_\w+", terminal("token issue alice deploy --scope read_repository").out)
    assert plain
    said = terminal.run("reach", "--token", given=plain[0] + "\n")
    assert said.code == 0, said.err
    assert "alice, by token/1 alone" in said.out
    assert plain[0] not in said.out + said.err


def test_whose_reach_has_to_be_said(terminal: Terminal) -> None:
    assert terminal("reach").code == 2
    assert terminal("reach nobody").code == 3
    assert terminal("user add alice --bot").code == 0
    assert "the window ends before it begins" in terminal("reach alice --from today --to 2026-01-01").err
    assert "no moment" in terminal("reach alice --from whenever").err
    assert "no level" in terminal("reach alice --protected king").err
