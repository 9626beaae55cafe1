"""No secret and nothing personal stands in a log in clear, whatever it is in; and what is personal can be erased."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.app.taking_in import IntoAuditLog
from stockade.audit.concealing import FINGERPRINT, Concealer
from stockade.audit.log import AuditLog
from stockade.audit.prove import prove
from stockade.audit.reading import entries
from stockade.audit.record import PLAIN, Script, body_of
from stockade.audit.subjects import ERASED
from stockade.errors import ConfigurationError
from stockade.events import Event, Personal, Ref, Secret
from tests.audit.conftest import ALICE, NOW, Stage
from tests.cli.terminal import Terminal

BOB = Ref("stockade", "user", "bob")
TOKEN = "glpat-not-for-anybody"
NAME = "Alice Jönes"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    Concealer.create(tmp_path / "secrets")
    return tmp_path / "secrets"


@pytest.fixture
def concealer(place: Path) -> Concealer:
    return Concealer(place)


def concealed(details: Mapping[str, object]) -> Event:
    return Event(NOW, "token.create", ALICE, details=details)


EVERYWHERE: list[Mapping[str, object]] = [
    {"token": Secret(TOKEN), "name": Personal(NAME, ALICE)},
    {"in": {"a": [Secret(TOKEN), {"list": Personal(NAME, ALICE)}]}},
    {"ünicode": Secret(TOKEN), "name": Personal(NAME, ALICE)},
    {"nan": float("inf"), "half": "\ud800", "token": Secret(TOKEN), "name": Personal(NAME, ALICE)},
    {"huge": "x" * 100_000, "token": Secret(TOKEN), "name": Personal(NAME, ALICE)},
    {"loop": float, "key": {(1, 2): 3}, "token": Secret(TOKEN), "name": Personal(NAME, ALICE)},
]


def test_a_fingerprint_is_the_hmac_of_the_standard(concealer: Concealer, place: Path) -> None:
    key = bytes.fromhex((place / FINGERPRINT).read_text())
    assert concealer.fingerprint(TOKEN) == "hmac-sha256:" + hmac.new(key, TOKEN.encode(), hashlib.sha256).hexdigest()
    assert concealer.is_of(concealer.fingerprint(TOKEN), TOKEN)
    assert not concealer.is_of(concealer.fingerprint(TOKEN), TOKEN + " ")


@pytest.mark.parametrize("details", EVERYWHERE)
def test_nothing_of_it_is_in_the_log(stage: Stage, concealer: Concealer, details: Mapping[str, object]) -> None:
    with AuditLog(stage.path, stage.state, script=concealer.script) as log:
        log.append(concealed(details))
    written = b"".join(path.read_bytes() for path in stage.path.rglob("*") if path.is_file())
    assert b"token.create" in written
    for hidden in (TOKEN.encode(), b"Jones", NAME.encode(), b"J\\u00f6nes"):
        assert hidden not in written


@pytest.mark.parametrize("details", EVERYWHERE)
def test_without_keys_it_is_not_written_at_all(stage: Stage, details: Mapping[str, object]) -> None:
    with AuditLog(stage.path, stage.state) as log:
        log.append(concealed(details))
        assert IntoAuditLog(log).append([concealed(details)]) == 3
    written = b"".join(path.read_bytes() for path in stage.path.rglob("*") if path.is_file())
    for hidden in (TOKEN.encode(), b"Jones", NAME.encode(), b"J\\u00f6nes"):
        assert hidden not in written
        assert hidden not in body_of(concealed(details), PLAIN)


def test_without_keys_it_is_said_that_there_was_something(stage: Stage) -> None:
    with AuditLog(stage.path, stage.state) as log:
        number = log.append(concealed({"token": Secret(TOKEN), "name": Personal(NAME, ALICE)}))
    assert next(entries(stage.path, number)).event.details == {"token": "(secret)", "name": "(personal)"}


def test_a_marker_shows_nothing_of_what_it_holds() -> None:
    assert TOKEN not in f"{Secret(TOKEN)} {Secret(TOKEN)!r} {concealed({'token': Secret(TOKEN)})}"
    assert NAME not in f"{Personal(NAME, ALICE)} {Personal(NAME, ALICE)!r}"


@given(st.text())
def test_what_is_personal_is_read_again_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    place = tmp_path_factory.getbasetemp() / "property"
    if not place.exists():
        Concealer.create(place)
    subjects = Concealer(place).subjects
    assert subjects.decrypt(subjects.encrypt(text, ALICE)) == text


def test_erasing_a_person_leaves_others_and_every_proof_as_they_were(stage: Stage, concealer: Concealer) -> None:
    with AuditLog(stage.path, stage.state, script=concealer.script) as log:
        number = log.append(concealed({"name": Personal(NAME, ALICE), "by": Personal("Bob", BOB), "n": 1}))
        log.append(concealed({"name": Personal(NAME, ALICE)}))
    proof, details = prove(stage.path, number), next(entries(stage.path, number)).event.details
    assert concealer.reveal(details) == {"name": NAME, "by": "Bob", "n": 1}
    assert concealer.subjects.destroy(str(ALICE))
    assert not concealer.subjects.destroy(str(ALICE))
    assert concealer.reveal(details) == {"name": ERASED, "by": "Bob", "n": 1}
    assert prove(stage.path, number) == proof
    proof.check(stage.keys)
    assert stage.verify().remarks == ()


def test_what_is_written_after_that_is_under_a_new_key_and_the_old_stays_erased(
    concealer: Concealer, place: Path
) -> None:
    before = concealer.subjects.encrypt("before", ALICE)
    elsewhere = Concealer(place).subjects
    assert elsewhere.decrypt(before) == "before"
    elsewhere.destroy(str(ALICE))
    after = concealer.subjects.encrypt("after", ALICE)
    assert (concealer.subjects.decrypt(before), elsewhere.decrypt(after)) == (ERASED, "after")


def test_a_box_of_another_person_or_a_changed_one_is_not_opened(concealer: Concealer) -> None:
    box = concealer.subjects.encrypt("x", ALICE)
    other = concealer.subjects.encrypt("x", BOB)
    swapped = other | {"personal": str(ALICE), "key": box["key"]}
    for spoilt in (swapped, box | {"box": box["box"][:-8] + "AAAAAAA="}, box | {"box": "!"}, box | {"key": "00"}):
        assert concealer.subjects.decrypt(spoilt) == ERASED


def test_keys_are_for_nobody_else_and_are_not_made_twice(place: Path, concealer: Concealer) -> None:
    concealer.subjects.encrypt("x", ALICE)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {path.stat().st_mode & 0o77 for path in [place, *files]} == {0}
    with pytest.raises(ConfigurationError, match="already holds"):
        Concealer.create(place)
    with pytest.raises(ConfigurationError, match="no key of fingerprints"):
        Concealer(place / "nowhere")


def test_a_script_may_be_handed_in() -> None:
    assert Script(lambda _: "?")({"a": Secret(TOKEN)}) == b'{"a":"?"}'


def test_a_secret_is_looked_up_and_a_person_erased_from_the_command_line(terminal: Terminal) -> None:
    assert terminal("audit secrets secrets").code == 0
    said = terminal("audit fingerprint --secrets secrets", given=TOKEN + "\n")
    concealer = Concealer(terminal.directory / "secrets")
    assert said.out.strip() == concealer.fingerprint(TOKEN)
    terminal("audit create log signer --origin example.org/a")
    with AuditLog(terminal.directory / "log", terminal.directory / "signer", script=concealer.script) as log:
        log.append(concealed({"name": Personal(NAME, ALICE)}))
    assert NAME in terminal("audit reveal 1 log --secrets secrets").json["details"]["name"]
    terminal.write('[audit]\nlog = "log"\nsigner = "signer"\nsecrets = "secrets"\n')
    said = terminal("audit erase stockade:user/alice --secrets secrets")
    assert said.code == 0, said.err
    assert terminal("audit reveal 1 log --secrets secrets").json["details"] == {"name": ERASED}
    assert [e.event.action for e in entries(terminal.directory / "log", 0)].count("person.erase") == 1
    assert terminal("audit erase stockade:user/alice --secrets secrets").code == 2
    assert terminal("audit erase alice --secrets secrets").code == 2
    assert terminal("audit verify log --key signer/key.pub").code == 0
