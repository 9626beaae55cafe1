"""Whatever the log and whatever the query: the index finds just what the query means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stockade.events import Entry, Event, Ref
from stockade.search import postgresql
from stockade.search.index import Index
from stockade.search.match import matches
from tests.search.conftest import NOW, ORIGIN, asked, handed
from tests.servers.postgres import PostgresServer

NAMES = st.sampled_from(["alice", "Alice", "bob", "al", "ÄRGER", "straße", "a b", "x/y", "812", "e\u0301", "\u0130"])
ADDRESSES = [
    "203.0.113.9",
    "203.0.113.200",
    "203.0.12.1",
    "10.1.2.3",
    "::ffff:203.0.113.9",
    "2001:db8::1",
    "2001:db8:1::2",
]
SOURCES = st.sampled_from([None, *ADDRESSES, "bastion", "fe80::1%eth0", ""])
ACTIONS = st.sampled_from(
    ["token.create", "token.policy.change", "key.add", "authentication.failure", "odd", "Token.x"]
)
TEXTS = st.sampled_from(
    ["wrong password for alice", "Wrong  Password", "alice_1-wrong", "203.0.113.9", "", "İ ß ﬁ", "a"]
)
LEAVES = TEXTS | NAMES | st.integers(0, 3) | st.booleans() | st.none() | st.floats(0, 2)
DETAILS = st.dictionaries(
    st.sampled_from(["rule", "a.b", "a", "N", "ü"]), LEAVES | st.lists(LEAVES, max_size=2), max_size=3
)
REFS = st.none() | st.builds(Ref, st.sampled_from(["gitlab", "Stockade"]), st.sampled_from(["user", "token"]), NAMES)
EVENTS = st.builds(
    Event,
    time=st.integers(0, 20).map(lambda n: NOW + n / 4 * 3600),
    action=ACTIONS,
    actor=REFS,
    target=REFS,
    source=SOURCES,
    outcome=st.sampled_from(["success", "failure", "refused"]),
    details=DETAILS | st.fixed_dictionaries({"a": DETAILS}),
)
LOGS = st.lists(EVENTS, max_size=25).map(
    lambda events: [Entry(n, NOW + n, event, ORIGIN) for n, event in enumerate(events)]
)


def quoted(text: str) -> str:
    return f'"{text}"'


VALUES = (NAMES | TEXTS).map(quoted)
PREFIXES = st.sampled_from(["al*", '"a"*', "gitlab:*", "user/*", '""*', "ä*", '"Wrong "*', "8*"])
WORDS = st.sampled_from(
    ["wrong", '"wrong password"', '"password for al"*', "wr*", "alice", "ärger", "9", "203.0.113.9"]
)
KEYS = st.sampled_from(["rule", "a.b", "a", "n", "a.rule", "ü"])
TERMS = st.one_of(
    WORDS,
    st.builds("{}:{}".format, st.sampled_from(["who", "whom", "where", "system", "log"]), VALUES | PREFIXES),
    st.builds("details.{}:{}".format, KEYS, VALUES | PREFIXES | LEAVES.map(str).map(quoted)),
    st.sampled_from(["action:token.*", "action:tok*", "action:token.create,key.add", 'action:"odd"', "is:tokens"]),
    st.sampled_from(["outcome:success", "outcome:failure,refused", "gitlab:user/alice", "about:alice"]),
    st.sampled_from(["where:203.0.113.0/24", "where:203.0.0.0/17", "203.0.113.0/25", "where:0.0.0.0/0"]),
    st.sampled_from(["2001:db8::/32", "2001:db8::/33", "2001:db8::1", "where:203.0.113.9", "where:fe80::1"]),
    st.sampled_from(["since:2027-01-15T09:00", "before:2027-01-15T10:15", "on:2027-01-15", "entry:3"]),
    st.sampled_from([f"entry:{ORIGIN}#4", "is:keys", "system:gitlab", "where:::ffff:203.0.113.9"]),
)
QUERIES = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: "(" + " ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " OR ".join(parts) + ")"),
        inner.map(lambda part: f"-{part}" if part.startswith(("(", '"')) else f"NOT {part}"),
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def standing_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "postgresql, as if there were many entries"])
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """One index for all examples."""
    if request.param == "sqlite":
        where = str(Path(tmp_path_factory.mktemp("index")) / "index.db")
    else:
        where = request.getfixturevalue("standing_postgres_url")
    with Index(where) as index, pytest.MonkeyPatch.context() as patch:
        if request.param.endswith("many entries"):
            for name, few in {"NEAR": 1, "FAR": 3, "FEW": 4}.items():
                patch.setattr(postgresql, name, few)
        yield index


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a failure with a database takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
@given(LOGS, st.lists(QUERIES, min_size=5, max_size=15))
def test_an_index_finds_what_a_query_means(standing: Index, log: list[Entry], queries: list[str]) -> None:
    standing.reindex(ORIGIN, handed(log))
    for text in queries:
        query = asked(text)
        expected = {entry.index for entry in log if matches(query, entry)}
        entries = list(standing.stream(query))
        assert {entry.index for entry in entries} == expected, text
        assert len(entries) == len(expected) == standing.count(query), text
        assert [entry.event.time for entry in entries] == sorted((e.event.time for e in entries), reverse=True), text
