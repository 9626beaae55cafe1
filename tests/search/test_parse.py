"""What a person may write, what it means, and what is said about a mistake."""

from __future__ import annotations

from datetime import timedelta, timezone
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.actions import Behaviour
from stockade.search.fields import CLASSES, DETAILS, FIELDS, actions_of
from stockade.search.match import matches
from stockade.search.parse import parse
from stockade.search.query import EVERYTHING, All, Before, Either, Is, Not, Numbered, Says, Since, Within
from stockade.search.scan import QueryError
from tests.search.conftest import NOW, asked, entry
from tests.source_tree import ROOT

DAY = 86_400 * 1_000_000
TODAY = 1_800_057_600 * 1_000_000  # 2027-01-16T00:00:00Z, for `asked` reads a day later than NOW


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", EVERYTHING),
        ("who:alice", Is("who", "alice")),
        ("WHO:Alice", Is("who", "alice")),
        ("actor:alice", Is("who", "alice")),
        ("user:al*", Is("who", "al", prefix=True)),
        ("to:token/812", Is("whom", "token/812")),
        ("action:token.*", Is("action", "token.", prefix=True)),
        ("action:token.create,key.add", Either((Is("action", "token.create"), Is("action", "key.add")))),
        ("is:factors", Either(tuple(Is("action", each) for each in actions_of(Behaviour.FACTOR)))),
        ("from:203.0.113.0/24", Within(ip_network("203.0.113.0/24"))),
        ("from:203.0.113.77/24", Within(ip_network("203.0.113.0/24"))),
        ("ip:::ffff:203.0.113.9", Within(ip_network("203.0.113.9/32"))),
        ("ip:2001:db8::/32", Within(ip_network("2001:db8::/32"))),
        ("where:bastion.example.com", Is("where", "bastion.example.com")),
        ("since:7d", Since(TODAY + DAY // 3 - 7 * DAY)),
        ("since:1h30m", Since(TODAY + DAY // 3 - DAY // 16)),
        ("since:today", Since(TODAY)),
        ("before:2026-11-01", Before(1_793_491_200_000_000)),
        ("before:2026-11-01T01:00+01:00", Before(1_793_491_200_000_000)),
        ("since:7:30", Since(TODAY + DAY // 16 * 5)),
        ("on:yesterday", All((Since(TODAY - DAY), Before(TODAY)))),
        ("entry:812", Numbered(812)),
        ("entry:node1#812", All((Is("log", "node1"), Numbered(812)))),
        ("details.Rule:GitLab", Is("details.rule", "gitlab")),
        ("details.rule:*", Is("details.rule", "", prefix=True)),
        ('details.path:"/a b"', Is("details.path", "/a b")),
        ('action:"my own"', Is("action", "my own")),
        ("Wrong-password", Says(("wrong", "password"))),
        ('"wrong pass"*', Says(("wrong", "pass"), prefix=True)),
        ('"he said \\"no\\""', Says(("he", "said", "no"))),
        ('"OR"', Says(("or",))),
        ("gitlab:user/bob", Either((Is("who", "gitlab:user/bob"), Is("whom", "gitlab:user/bob")))),
        ("-outcome:success", Not(Is("outcome", "success"))),
        ("NOT a", Not(Says(("a",)))),
        ("a b", All((Says(("a",)), Says(("b",))))),
        ("a AND b", All((Says(("a",)), Says(("b",))))),
        ("a b OR c", Either((All((Says(("a",)), Says(("b",)))), Says(("c",))))),
        ("a (b OR c)", All((Says(("a",)), Either((Says(("b",)), Says(("c",))))))),
        ("-(a b)", Not(All((Says(("a",)), Says(("b",)))))),
    ],
)
def test_a_query_means_what_one_would_guess(text: str, meant: object) -> None:
    assert asked(text) == meant


def test_days_are_those_of_the_reader() -> None:
    there = timezone(timedelta(hours=2))
    assert parse("on:2026-11-01", NOW, there) == All((Since(1_793_484_000_000_000), Before(1_793_570_400_000_000)))


@pytest.mark.parametrize(
    ("text", "place", "said", "remedy"),
    [
        ("who:alice actoin:token.create", "actoin", "'actoin' is no field of a query", "Did you mean action?"),
        ("action:token.creat", "token.creat", "'token.creat' is no action", "Did you mean token.create?"),
        ("is:tokns", "tokns", "'tokns' is no class of behaviour", "Did you mean tokens?"),
        ("outcome:fail", "fail", "'fail' is no outcome", "Did you mean failure?"),
        ("detials.rule:x", "detials.rule", "'detials.rule' is no field", "Did you mean details.rule?"),
        ("a since:soon", "soon", "'soon' is no moment", "7d"),
        ("on:7d", "7d", "'7d' is no day", "yesterday"),
        ("since:3026-01-01", "3026-01-01", "is no moment", "7d"),
        ("where:203.0.113/24", "203.0.113/24", "is no network", "203.0.113.0/24"),
        ("entry:abc", "abc", "is no number of an entry", "entry:812"),
        ("a (b", "(", "a parenthesis is not closed", "Close it"),
        ("a b)", ")", "closes nothing", "Take it away"),
        ("()", ")", "something to look for is missing here", "OR, AND and NOT"),
        ("a OR OR b", "OR", "something to look for is missing here", "OR, AND and NOT"),
        ("a OR", "", "missing at the end", "OR, AND and NOT"),
        ('a "b', '"b', "a quotation has no end", "Close it"),
        ("who: alice", " ", "missing behind the colon", "without a space"),
        ("to*en", "to*en", "a star stands at the end only", "token.*"),
        ("outcome:succ*", "succ*", "no star may stand here", ""),
        ("...", "...", "there is no word in this", "letters and digits"),
        ("http://x", "http", "'http' is no field", "quotation marks"),
        (f"who:{'x' * 101}*", f"{'x' * 101}*", "more than 100 characters", ""),
    ],
)
def test_a_mistake_is_pointed_at(text: str, place: str, said: str, remedy: str) -> None:
    with pytest.raises(QueryError) as caught:
        asked(text)
    assert text[caught.value.start : caught.value.end] == place
    assert said in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", ["x" * 2001, "a " * 201, "(" * 60 + "a" + ")" * 60, "-" * 60 + "a"])
def test_nobody_can_ask_too_much(text: str) -> None:
    with pytest.raises(QueryError):
        asked(text)


@given(st.text(max_size=60) | st.text('ab:"()-* ORAND,./#0', max_size=40))
def test_anything_is_a_query_or_a_mistake_within_its_text(text: str) -> None:
    mistakes: list[QueryError] = []
    try:
        assert matches(asked(text), entry(1)) in {True, False}
    except QueryError as error:
        mistakes.append(error)
    assert all(0 <= error.start < error.end <= len(text) + 1 for error in mistakes)


@given(st.text(max_size=40).filter(lambda text: any(letter.isalnum() for letter in text)))
def test_whatever_is_quoted_is_found_by_its_words(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert matches(asked(f'"{quoted}"'), entry(1, details={"said": text}))
    assert matches(asked(f'details.said:"{quoted}"'), entry(1, details={"said": text}))


def test_every_field_is_read_in_its_own_example() -> None:
    for field in FIELDS:
        for name in (field.name, *field.also):
            assert asked(field.example) == asked(name + ":" + field.example.partition(":")[2])


def test_every_class_of_behaviour_has_a_word() -> None:
    assert set(CLASSES) == set(Behaviour)


def test_somebody_is_found_wherever_they_are_named() -> None:
    query = asked("about:alice")
    assert matches(query, entry(1))
    assert matches(query, entry(1, actor=None, target=entry(1).event.actor))
    assert matches(query, entry(1, actor=None, details={"message": "Failed password for alice from 10.0.0.1"}))
    assert not matches(query, entry(1, actor=None, details={"message": "malice"}))
    assert matches(asked("203.0.113.9"), entry(1))
    assert matches(asked("203.0.113.9"), entry(1, source=None, details={"from": "203.0.113.9:22"}))
    assert not matches(asked("203.0.113.9"), entry(1, source="203.0.113.99"))


def test_who_looks_again_does_not_find_that_they_have_looked() -> None:
    looked = entry(1, "log.read", actor=None, details={"query": "who:mallory"})
    assert not matches(asked("mallory"), looked)
    assert matches(asked("action:log.read"), looked)
    assert matches(asked('details.query:"who:mallory"'), looked)


def test_the_reference_names_every_field_and_every_class() -> None:
    page = (ROOT / "docs" / "reference" / "query.md").read_text()
    names = [name + ":" for field in FIELDS for name in (field.name, *field.also)]
    classes = [f"`{called[0]}`" for called in CLASSES.values()]
    assert [word for word in [*names, *classes, *(f"{each}." for each in DETAILS)] if word not in page] == []
