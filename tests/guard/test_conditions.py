"""What a rule applies to."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import ConfigurationError, credentials, header, login, method, network, path, query, regex, status, user
from stockade.guard.conditions import Condition, as_condition
from tests.guard.requests import request

LEAVES = st.sampled_from([path("/login"), method("POST"), status(401), status("5xx"), header("x-a")])
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] & p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] | p[1]),
        inner.map(lambda c: ~c),
    ),
    max_leaves=6,
)


@given(
    CONDITIONS, st.sampled_from(["/login", "/x"]), st.sampled_from(["GET", "POST"]), st.sampled_from([200, 401, 503])
)
def test_what_turns_out_true_was_possible_before_the_answer(found: Condition, at: str, verb: str, answer: int) -> None:
    asked = request(at, verb)
    possible = bool(found.possible(asked))
    asked.status = answer
    if found.test(asked):
        assert possible
    if not found.on_answer:
        assert possible == bool(found.test(asked))


def test_a_condition_says_what_it_is() -> None:
    assert repr(path("/login") & ~status(401)) == "(path(/login) & ~status(401))"


def test_any_callable_is_a_condition_by_its_name() -> None:
    def is_odd(_request: object) -> bool:
        return True

    assert repr(as_condition(is_odd)) == "is_odd"
    with pytest.raises(ConfigurationError, match="not a condition"):
        as_condition("nonsense")  # type: ignore[arg-type]


def test_queries_headers_and_logins() -> None:
    basic = "Basic " + base64.b64encode(b"alice:pass:word").decode()
    asked = request(query="a=1&a=2&b=", headers={"authorization": basic}, user="alice")
    assert query("a", "1")(asked)
    assert not query("a", "2")(asked)
    assert query("b")(asked)
    assert header("authorization")(asked)
    assert login("alice")(asked)
    assert credentials()(asked)
    assert user("alice")(asked)
    assert not user("bob")(asked)
    assert user()(asked)


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic YWxpY2U=", "Bearer x", ""])
def test_broken_credentials_name_nobody(value: str) -> None:
    assert request(headers={"authorization": value}).login is None


def test_a_parameter_is_found_behind_however_many_others() -> None:
    assert request(query="&".join(f"b{n}=1" for n in range(2000)) + "&a=2").parameter("a") == "2"


@pytest.mark.parametrize("query", ["x=1;aß=2", "a%C3%9F=2", "%61%c3%9f=2", "x&aß=2&aß=3", "x=%26aß=1&aß=2"])
def test_a_parameter_is_found_however_it_is_written(query: str) -> None:
    assert request(query=query).parameter("aß") == "2"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: status("teapot"), "not a status"),
        (lambda: path("login"), "begins with a slash"),
        (lambda: regex("("), "not a regular expression"),
        (lambda: network("nowhere"), "not an address"),
    ],
)
def test_mistakes_are_said_at_once(make: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()  # type: ignore[operator]
