"""One spelling for a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.guard.conditions import path, prefix
from stockade.guard.paths import from_target, normal
from tests.guard.requests import request


@pytest.mark.parametrize(
    "target",
    [
        "/users/sign_in",
        "//users///sign_in",
        "/users/sign_in/",
        "/%75sers/sign%5Fin",
        "/users/./sign_in",
        "/a/../users/sign_in",
        "/users/sign_in?next=/",
        "/users;v=1/sign_in;jsessionid=x",
        "/users%2fsign_in",
        "/users\\sign_in",
        "/../../users/sign_in",
        "http://host/users/sign_in",
        "/users/sign_in#top",
        "/users/sign_in%00",
    ],
)
def test_every_variant_is_the_same_path(target: str) -> None:
    assert from_target(target) == "/users/sign_in"


@given(st.text(max_size=100))
def test_the_normal_path_is_normal(text: str) -> None:
    once = normal(text)
    assert once.startswith("/")
    assert "//" not in once
    assert normal(once) == once


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "%2e%2e", "c;d"]), max_size=8))
def test_no_path_climbs_above_the_root(segments: list[str]) -> None:
    assert ".." not in from_target("/" + "/".join(segments)).split("/")


@pytest.mark.parametrize(
    ("pattern", "matches", "misses"),
    [
        ("/login", ["/login", "/login.json"], ["/login/x", "/loginx", "/a/login"]),
        ("/api/*", ["/api/x", "/api/x.json"], ["/api", "/api/x/y"]),
        ("/api/**", ["/api/x", "/api/x/y"], ["/apix"]),
        ("**", ["/", "/x/y"], []),
        ("/a.b", ["/a.b"], ["/aXb"]),
        ("/", ["/"], ["/x"]),
    ],
)
def test_patterns(pattern: str, matches: list[str], misses: list[str]) -> None:
    condition = path(pattern)
    assert all(condition(request(p)) for p in matches)
    assert not any(condition(request(p)) for p in misses)


def test_a_prefix_is_text() -> None:
    assert prefix("/users")(request("/users/anything"))
    assert prefix("/unsubscribes/")(request("/unsubscribes/x"))
    assert not prefix("/users")(request("/user"))
