"""Variables are sealed, shown on record alone, and never again when they are hidden."""

from __future__ import annotations

import pytest

from stockade.directory import BadName, BuiltinDirectory
from stockade.directory.refusals import Impossible, UnknownHolding
from stockade.errors import ConfigurationError
from stockade.events import Ref
from tests.directory.conftest import Stage

ALICE = Ref("stockade", "user", "alice")


@pytest.mark.parametrize("place", ["", "group", "group/project"])
def test_a_value_is_told_on_record_and_kept_sealed(stage: Stage, directory: BuiltinDirectory, place: str) -> None:
    variable = directory.set_variable(place, "PROD_KEY", "swordfish", environment="prod", by=ALICE)
    assert (variable.within, variable.name) == (place, "PROD_KEY (prod)")
    assert directory.read_variable(variable.ref, by=ALICE) == "swordfish"
    assert [event.actor for event in stage.reported("variable.read")] == [ALICE]
    with directory._database.reading() as sql:
        kept = sql.exec_driver_sql("SELECT sealed, fingerprint FROM variables").one()
    assert "swordfish" not in repr(kept)


def test_a_change_of_the_value_is_told_from_one_of_its_protection(stage: Stage, directory: BuiltinDirectory) -> None:
    first = directory.set_variable("a/b", "KEY", "one")
    again = directory.set_variable("a/b", "KEY", "one")
    guarded = directory.set_variable("a/b", "KEY", "one", protected=True)
    other = directory.set_variable("a/b", "KEY", "two", protected=True)
    assert first == again
    assert guarded.fingerprint == first.fingerprint != other.fingerprint
    actions = [event.action for event in stage.events if event.action.startswith("variable.")]
    assert actions == ["variable.create", "variable.change", "variable.rotate"]
    assert directory.read_variable(first.ref) == "two"


def test_what_is_hidden_is_masked_and_stays_hidden(directory: BuiltinDirectory) -> None:
    hidden = directory.set_variable("a/b", "KEY", "swordfish", hidden=True)
    shown = directory.set_variable("a/b", "KEY", "sawfish-two")
    assert hidden.traits == shown.traits == {"hidden", "masked"}
    with pytest.raises(Impossible):
        directory.read_variable(hidden.ref)


def test_a_removed_variable_is_not_told_and_can_be_made_anew(stage: Stage, directory: BuiltinDirectory) -> None:
    variable = directory.set_variable("a/b", "KEY", "swordfish", hidden=True)
    directory.revoke(variable.ref)
    with pytest.raises(UnknownHolding):
        directory.read_variable(variable.ref)
    assert directory.set_variable("a/b", "KEY", "another").revoked is None
    assert directory.read_variable(variable.ref) == "another"
    assert len(stage.reported("variable.create")) == 2


def test_the_same_value_elsewhere_has_the_same_fingerprint(directory: BuiltinDirectory) -> None:
    values = {"A": "swordfish", "B": "swordfish", "C": "sawfish"}
    a, b, c = (directory.set_variable("a/b", key, value).fingerprint for key, value in values.items())
    assert a == b != c


@pytest.mark.parametrize("value", ["short", "with a blank", "two\nlines-of-it"])
def test_what_cannot_be_masked_is_refused(directory: BuiltinDirectory, value: str) -> None:
    with pytest.raises(ConfigurationError, match="masked"):
        directory.set_variable("a/b", "KEY", value, masked=True)


@pytest.mark.parametrize("key", ["", "1KEY", "A-B", "A B", "Ä", "K" * 256])
def test_a_name_is_one_that_a_shell_knows(directory: BuiltinDirectory, key: str) -> None:
    with pytest.raises(BadName):
        directory.set_variable("a/b", key, "value")
