"""Second factors: arithmetic first, then enrolled, shown, used up and removed in a real database."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from stockade.directory import BadName, BuiltinDirectory, Secret, UnknownCredentials
from stockade.directory.builtin.schema import accounts, factors, recovery_codes, sessions
from stockade.directory.builtin.second_step import MOST_WRONG
from stockade.directory.factors import new_recovery_codes, recovery_code, totp_step, totp_uri
from stockade.directory.refusals import FactorNeeded, WrongFactor
from stockade.directory.security_keys import Site, handle_of
from tests.directory.conftest import NOW, Stage

PASSWORD = "correct horse battery"
SITE = Site("https://git.example.org")
DAY = 86_400.0
RFC_KEY = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238_appendix_b(now: float, code: str) -> None:
    assert totp_step(RFC_KEY, code, now) == int(now // 30)
    assert totp_step(RFC_KEY, f" {code[:3]} {code[3:]} ", now) == int(now // 30)


@given(st.floats(1e6, 4e9), st.floats(-120, 120))
def test_a_code_counts_near_its_time_and_once(now: float, late: float) -> None:
    code = pyotp.TOTP(RFC_KEY).generate_otp(int(now // 30))
    found = totp_step(RFC_KEY, code, now + late)
    distance = abs(int((now + late) // 30) - int(now // 30))
    if distance <= 1:
        assert found is not None
        assert totp_step(RFC_KEY, code, now + late, last=found) != found
    if found is not None:
        assert abs(found - int((now + late) // 30)) <= 1


@given(st.text(max_size=12))
def test_other_texts_are_no_codes(text: str) -> None:
    assert totp_step(RFC_KEY, text, NOW) in {None, *range(int(NOW // 30) - 1, int(NOW // 30) + 2)}


def test_what_a_qr_code_says() -> None:
    uri = totp_uri("ABC", "alice", "git.example.org:8080")
    assert uri == "otpauth://totp/git.example.org%3A8080:alice?secret=ABC&issuer=git.example.org%3A8080"


def test_recovery_codes_are_told_apart_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len({recovery_code(code) for code in codes}) == 10
    assert recovery_code(codes[0].upper().replace("-", " ")) == recovery_code(codes[0])


def signed_in(directory: BuiltinDirectory, now: float = NOW) -> Secret:
    found = directory.sign_in("alice", PASSWORD, now)
    return directory.open_session(found.account, now, DAY)


def code(key: str, now: float = NOW) -> str:
    return pyotp.TOTP(key).generate_otp(int(now // 30))


@pytest.fixture
def alice(stage: Stage) -> BuiltinDirectory:
    stage.directory.create_account("alice", password=PASSWORD)
    return stage.directory


def enrolled(directory: BuiltinDirectory) -> tuple[Secret, list[Secret]]:
    """Alice with an authenticator, since a while: its key, and her recovery codes."""
    cookie = signed_in(directory, NOW - 60)
    key = directory.enrol_totp(cookie, NOW - 60)
    return key, directory.confirm_totp(cookie, code(key, NOW - 60), "phone", NOW - 60)


@pytest.mark.parametrize("handle", ["\\u0000", "\\ud800", "", "x" * 5000, "../1"])
def test_an_answer_that_names_no_key_is_a_wrong_one(handle: str) -> None:
    with pytest.raises(WrongFactor):
        handle_of(f'{{"id": "{handle}"}}')


def test_many_guesses_at_once_are_no_more_than_one_after_another(
    stage: Stage, alice: BuiltinDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(alice)
    cookie, together, looked_at = signed_in(alice), Barrier(12), list[str]()

    def watched(key: str, code: str, now: float, *, last: int) -> int | None:
        looked_at.append(code)
        return totp_step(key, code, now, last=last)

    def guess(number: int) -> None:
        together.wait()
        with pytest.raises(UnknownCredentials):
            alice.second_factor(cookie, f"guess {number}", NOW, DAY, site=SITE)

    monkeypatch.setattr("stockade.directory.builtin.second_step.totp_step", watched)
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(guess, range(12)))
    assert len(looked_at) == MOST_WRONG
    assert len(stage.reported("authentication.failure")) == MOST_WRONG


@pytest.mark.parametrize("recovery", [False, True])
def test_one_of_many_who_have_the_same_code_gets_in(stage: Stage, alice: BuiltinDirectory, recovery: bool) -> None:
    key, codes = enrolled(alice)
    shown, cookies = codes[0] if recovery else code(key), [signed_in(alice) for _ in range(4)]

    def use(cookie: Secret) -> bool:
        with stage.another() as node:
            try:
                return bool(node.second_factor(cookie, shown, NOW, DAY, site=SITE))
            except WrongFactor:
                return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(use, cookies)) == 1


def test_from_enrolling_to_signing_in_with_a_code(stage: Stage, alice: BuiltinDirectory) -> None:
    before = signed_in(alice)
    key, codes = enrolled(alice)
    assert len(codes) == 10
    assert [factor.kind.value for factor in alice.factors("alice")] == ["totp", "recovery"]
    assert [event.details["kind"] for event in stage.reported("factor.add")] == ["totp", "recovery"]
    with pytest.raises(UnknownCredentials):
        alice.session(before, NOW)
    cookie = signed_in(alice)
    with pytest.raises(UnknownCredentials):
        alice.session(cookie, NOW)
    whole = alice.second_factor(cookie, code(key), NOW, DAY, site=SITE, source="192.0.2.1")
    assert alice.session(whole, NOW + DAY - 1).name == "alice"
    with pytest.raises(UnknownCredentials):
        alice.signed_in(cookie, NOW)
    assert stage.reported("authentication.success")[-1].details == {"kind": "totp", "credential": "stockade:factor/1"}


def test_a_code_counts_once(alice: BuiltinDirectory) -> None:
    key, _ = enrolled(alice)
    alice.second_factor(signed_in(alice), code(key), NOW, DAY, site=SITE)
    with pytest.raises(WrongFactor):
        alice.second_factor(signed_in(alice), code(key), NOW, DAY, site=SITE)
    alice.second_factor(signed_in(alice), code(key, NOW + 30), NOW, DAY, site=SITE)


def test_a_recovery_code_counts_once_and_new_ones_replace_them(alice: BuiltinDirectory) -> None:
    key, codes = enrolled(alice)
    cookie = alice.second_factor(signed_in(alice), codes[3].upper(), NOW, DAY, site=SITE)
    assert alice.recovery_codes_left("alice") == 9
    with pytest.raises(WrongFactor):
        alice.second_factor(signed_in(alice), codes[3], NOW, DAY, site=SITE)
    fresh = alice.renew_recovery_codes(cookie, code(key), NOW, site=SITE)
    assert alice.recovery_codes_left("alice") == 10
    with pytest.raises(WrongFactor):
        alice.second_factor(signed_in(alice), codes[4], NOW, DAY, site=SITE)
    alice.second_factor(signed_in(alice), fresh[4], NOW, DAY, site=SITE)


def test_guessing_ends_the_session_and_is_on_record(stage: Stage, alice: BuiltinDirectory) -> None:
    key, _ = enrolled(alice)
    cookie = signed_in(alice)
    for guess in range(MOST_WRONG):
        with pytest.raises(WrongFactor) as refused:
            alice.second_factor(cookie, "000000", NOW, DAY, site=SITE)
        assert refused.value.final == (guess == MOST_WRONG - 1)
    with pytest.raises(UnknownCredentials):
        alice.second_factor(cookie, code(key), NOW, DAY, site=SITE)
    assert len(stage.reported("authentication.failure")) == MOST_WRONG


def test_the_second_step_has_its_time(alice: BuiltinDirectory) -> None:
    key, _ = enrolled(alice)
    cookie = signed_in(alice)
    with pytest.raises(UnknownCredentials):
        alice.second_factor(cookie, code(key, NOW + 601), NOW + 601, DAY, site=SITE)


def test_what_is_kept_gives_no_factor_away(stage: Stage, alice: BuiltinDirectory) -> None:
    key, codes = enrolled(alice)
    with stage.directory._database.reading() as sql:
        kept = [*sql.execute(select(factors)), *sql.execute(select(recovery_codes)), *sql.execute(select(sessions))]
    text = repr(kept) + repr(stage.events)
    assert str(key) not in text
    assert not [c for c in codes if recovery_code(c) in text]


def test_a_factor_is_removed_by_who_shows_one_and_not_the_last_where_one_is_required(alice: BuiltinDirectory) -> None:
    _, codes = enrolled(alice)
    cookie = alice.second_factor(signed_in(alice), codes[0], NOW, DAY, site=SITE)
    [totp, _] = alice.factors("alice")
    with pytest.raises(WrongFactor):
        alice.remove_factor(cookie, totp.id, "000000", NOW, site=SITE)
    with alice._database.writing() as sql:
        sql.execute(update(accounts).values(factor_due=NOW + DAY))
    with pytest.raises(FactorNeeded):
        alice.remove_factor(cookie, totp.id, codes[1], NOW, site=SITE)
    with alice._database.writing() as sql:
        sql.execute(update(accounts).values(factor_due=None))
    alice.remove_factor(cookie, totp.id, codes[2], NOW, site=SITE)
    assert alice.factors("alice") == []
    assert alice.session(signed_in(alice), NOW).name == "alice"


def test_a_half_signed_in_session_enrols_and_removes_nothing(alice: BuiltinDirectory) -> None:
    enrolled(alice)
    half = signed_in(alice)
    for attempt in (
        lambda: alice.enrol_totp(half, NOW),
        lambda: alice.confirm_totp(half, "000000", "x", NOW),
        lambda: alice.enrol_security_key(half, NOW, SITE),
    ):
        with pytest.raises(UnknownCredentials):
            attempt()


def test_a_label_is_one_line_and_a_wrong_code_enrols_nothing(alice: BuiltinDirectory) -> None:
    cookie = signed_in(alice)
    key = alice.enrol_totp(cookie, NOW)
    assert alice.enrol_totp(cookie, NOW) == key
    with pytest.raises(BadName):
        alice.confirm_totp(cookie, code(key), "a\nb", NOW)
    with pytest.raises(WrongFactor):
        alice.confirm_totp(cookie, "000000", "phone", NOW)
    assert alice.factors("alice") == []
