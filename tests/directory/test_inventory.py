"""The inventory lists what is asked for, says why, and counts what it lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import Credential, CredentialKind, Scope
from stockade.directory.inventory import Filter, Inventory, Known, Mark, marks, revocable
from tests.directory import worlds
from tests.directory.conftest import Stage
from tests.directory.worlds import DAY, KIND, NOW, credential

EVERY_MARK = st.frozensets(st.sampled_from(Mark))
ALIVE = Filter()
KNOWN = Known(NOW, {"bob": "left", "carol": "blocked"}, frozenset({"SHA256:same"}))


def listed(credentials: Sequence[Credential], wanted: Filter = ALIVE, known: Known = KNOWN) -> list[str]:
    return [f"{each.credential.id}: {', '.join(each.why)}" for each in Inventory(wanted, known).of(credentials)]


def only(each: Credential) -> str:
    return ", ".join(said for _, said in marks(each, KNOWN))


def test_each_says_why_it_is_worth_a_look() -> None:
    used = {"last_used": NOW - DAY, "expires": NOW + DAY}
    narrow = {**used, "scopes": frozenset({Scope.READ_REPOSITORY})}
    assert only(credential(1, KIND.PERSONAL, "alice", **narrow)) == ""
    assert only(credential(1, KIND.PERSONAL, "alice", **narrow | {"last_used": NOW - 200 * DAY})) == "unused for 200 d"
    assert only(credential(1, KIND.PERSONAL, "alice", **narrow | {"last_used": None})) == "never used for 100 d"
    assert only(credential(1, KIND.PERSONAL, "alice", **narrow | {"expires": None})) == "never expires"
    assert only(credential(1, KIND.PERSONAL, "alice", **used)) == "may do everything"
    assert only(credential(1, KIND.PERSONAL, "bob", **narrow)) == "bob has left"
    assert only(credential(1, KIND.PERSONAL, "carol", **narrow)) == "carol is blocked"
    assert only(credential(1, KIND.SSH_KEY, "alice", **narrow, weakness="RSA of 1024 bits")) == "weak: RSA of 1024 bits"
    assert only(credential(1, KIND.SSH_KEY, "alice", **narrow, fingerprint="SHA256:same")) == "shared by several"


def test_what_has_no_use_or_no_end_on_record_is_not_blamed_for_it() -> None:
    assert only(credential(1, KIND.VARIABLE, within="shop")) == ""
    assert only(credential(1, KIND.PASSWORD, "alice")) == ""


def test_who_is_gone_is_blocked_or_has_left(stage: Stage) -> None:
    for name in ("alice", "bob", "carol"):
        stage.directory.create_account(name)
    stage.directory.block("carol")
    stage.directory.depart("bob")
    assert stage.directory.gone() == {"bob": "left", "carol": "blocked"}


def test_what_is_dead_is_left_out_unless_it_is_asked_for() -> None:
    some = [
        credential(1, KIND.SESSION, "alice", last_used=NOW),
        credential(2, KIND.SESSION, "alice", last_used=NOW, revoked=NOW - 1),
        credential(3, KIND.SESSION, "alice", last_used=NOW, expires=NOW),
    ]
    assert listed(some) == ["1: "]
    assert listed(some, Filter(dead=True)) == ["1: ", "2: ", "3: "]


def test_a_place_stands_for_all_below_and_nothing_beside_it() -> None:
    places = ["shop", "shop/pay", "shopping", "", None]
    some = [credential(at, KIND.VARIABLE, within=place) for at, place in enumerate(places)]
    assert listed(some, Filter(place="shop")) == ["0: ", "1: "]
    assert listed(some, Filter(place="")) == ["3: "]


@given(
    worlds.credentials(),
    st.builds(
        Filter,
        st.frozensets(st.sampled_from(CredentialKind), max_size=2),
        st.sampled_from([None, "alice", "bob"]),
        st.sampled_from([None, "shop", "shop/pay"]),
        EVERY_MARK,
        st.booleans(),
    ),
)
def test_a_filter_lists_just_those_of_which_all_holds(secrets: list[Credential], wanted: Filter) -> None:
    counted = Inventory(wanted, KNOWN)
    found = {each.credential.ref for each in counted.of(secrets)}
    for each in secrets:
        place = (
            wanted.place is None
            or (each.within or "/").startswith((wanted.place + "/",))
            or each.within == wanted.place
        )
        holds = (
            (not wanted.kinds or each.kind in wanted.kinds)
            and wanted.holder in {None, each.holder}
            and place
            and (wanted.dead or each.live(NOW))
            and wanted.marked <= {mark for mark, _ in marks(each, KNOWN)}
        )
        assert (each.ref in found) is holds
    assert counted.total == len(found)
    assert counted.looked_at == len(secrets)


def test_an_inventory_holds_nothing_of_what_it_lists() -> None:
    made = Inventory(Filter(), KNOWN).of(credential(at, KIND.PERSONAL, "alice") for at in range(10**9))
    assert [next(made).credential.id for _ in range(3)] == [0, 1, 2]


def test_every_kind_says_how_it_is_ended() -> None:
    said = {kind: revocable(kind) for kind in CredentialKind}
    assert said[KIND.PERSONAL] == "revoke or rotate"
    assert said[KIND.SSH_KEY] == "remove"
    assert said[KIND.VARIABLE] == "remove; new by hand"
    assert said[KIND.SESSION] == "end"
    assert all(said.values())


def test_the_whole_directory_is_listed_kind_by_kind_and_shared_secrets_are_found(directory: BuiltinDirectory) -> None:
    made = directory.found_organisation(120, 7)
    shared = directory.shared_fingerprints()
    counted = Inventory(Filter(dead=True), replace(KNOWN, shared=shared))
    found = list(counted.of(directory.credentials()))
    listed_tables = ("tokens", "keys", "sessions", "factors", "grants", "variables", "runners", "webhooks", "mirrors")
    passwords = counted.kinds[KIND.PASSWORD]
    others = made.rows["applications"] + made.rows["emails"] + made.rows["identities"]
    assert counted.total == len(found) == passwords + others + sum(made.rows[table] for table in listed_tables)
    assert passwords == 120
    assert len(shared) == 1
    assert sum(Mark.SHARED.value in each.why for each in found) > 1
    assert all(counted.marks[mark] for mark in (Mark.UNUSED, Mark.ENDLESS, Mark.BROAD, Mark.WEAK))
