"""What accounts hold and make, from the command line: added, listed, ended, put back; secrets typed and shown once."""

from __future__ import annotations

import json

import pytest

from tests.cli.terminal import Terminal
from tests.directory.everything import DEPLOY

HOOK = "#!/bin/sh\nexit 0\n"
STOPPED = {
    "runner": ("runner add - builder --tag docker", ""),
    "githook": ("githook add group/project pre-receive", HOOK),
}
ADDED = {
    "webhook": ("webhook add group https://hooks.example/in --secret", "hook-secret\n"),
    "mirror": ("mirror add group/project https://mirror.example/x.git --push --secret", "mirror-secret\n"),
    "application": ("application add board https://board.example/cb --scope api --owner alice", ""),
    "email": ("email add alice alice@example.net", ""),
    "identity": ("identity add alice ldap cn=alice", ""),
}


@pytest.fixture
def site(terminal: Terminal) -> Terminal:
    assert terminal("user add alice", given="correct horse battery staple\n").code == 0
    return terminal


@pytest.mark.parametrize("noun", ADDED)
def test_each_noun_is_added_and_told_without_what_was_typed(site: Terminal, noun: str) -> None:
    command, given = ADDED[noun]
    made = json.loads(site(f"{command} --json", given=given).out)
    assert ("secret" in made) == (noun == "application")
    assert not given or given.strip() not in str(made)
    assert made["name"].split()[0] in site(f"{noun} list").out


@pytest.mark.parametrize("noun", STOPPED)
def test_what_was_added_is_ended_put_back_stopped_and_goes_on(site: Terminal, noun: str) -> None:
    command, given = STOPPED[noun]
    assert ("shown this once" in site(command, given=given).out) == (noun == "runner")
    assert "is ended" in site(f"{noun} remove 1 --reason stolen").out
    assert "ended" in site(f"{noun} list").out
    assert "in force" in site(f"{noun} restore 1").out
    assert "is stopped" in site(f"{noun} pause 1").out
    (listed,) = json.loads(site(f"{noun} list --json").out)
    assert (listed["id"], listed["revoked"], listed["paused"] is None) == (1, None, False)
    assert "goes on" in site(f"{noun} resume 1").out
    assert site(f"{noun} remove 999").code == 3


def test_a_value_is_typed_and_shown_when_asked_for(site: Terminal) -> None:
    set_ = site("variable set - DEPLOY_KEY --masked", given="swordfish\n")
    assert "swordfish" not in set_.out
    assert site("variable show 1").out == "swordfish\n"
    assert site("variable set - DEPLOY_KEY --hidden", given="sawfish-two\n").code == 0
    assert site("variable show 1").code == 3


def test_a_deploy_key_is_the_projects_and_a_bad_one_is_refused(site: Terminal) -> None:
    assert site("key add group/project ci --deploy", given=DEPLOY).code == 0
    (listed,) = json.loads(site("key list group/project --json").out)
    assert (listed["kind"], listed["holder"]) == ("deploy_key", "")
    said = site("key add alice laptop", given="ssh-dss AAAA")
    assert (said.code, "DSA" in said.err) == (3, True)


def test_people_are_members_for_as_long_as_is_said(site: Terminal) -> None:
    assert "developer of group" in site("member add alice group developer --for 30d").out
    (found,) = json.loads(site("member list alice --json").out)
    assert found["expires"] - found["since"] == pytest.approx(30 * 86_400, abs=60)
    assert "developer" in site("member list").out
    assert site("member add alice group boss").code == 2
    assert site("member remove alice group").code == 0
    assert "no members" in site("member list").out


def test_people_lose_their_password_leave_and_gain_rights(site: Terminal) -> None:
    assert "shown this once" in site("user reset alice --reason stolen").out
    assert "may do all" in site("user admin alice").out
    assert "no longer" in site("user admin alice --no").out
    assert "has left" in site("user depart alice").out
    assert "is back" in site("user depart alice --back").out


def test_places_are_listed(site: Terminal) -> None:
    assert site("group add group").code == 0
    assert site("project add group/project --public").code == 0
    assert json.loads(site("project list --json").out) == [{"path": "group/project", "visibility": "public"}]
    assert "private" in site("group list").out
