"""What a rule asks for is what it is given: every modifier, every kind of value, and a clear refusal of all else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.actions import BEHAVIOUR_OF
from stockade.detect.conditions import Kind
from stockade.detect.detector import Rules
from stockade.detect.pack import rules_beside_ours
from stockade.detect.reading import rules_of
from stockade.detect.values import MODIFIERS
from stockade.detect.view import View
from stockade.errors import ConfigurationError
from tests.detect.entries import entries, event, fed, matches, names, rule, selecting

# modifier: the selection, what matches it, and what does not; values of details.x, and of details.y = "Bob"
ASKED = {
    "all": ("{details.x|contains|all: [a, b]}", "cab", "cad"),
    "base64": ("{details.x|base64: secret}", "c2VjcmV0", "secret"),
    "base64offset": ("{details.x|base64offset|contains: secret}", "xxx c2VjcmV0 xxx", "secret"),
    "cased": ("{details.x|cased: Root}", "Root", "root"),
    "cidr": ("{details.x|cidr: '10.1.0.0/16'}", "10.1.2.3", "10.2.2.3"),
    "contains": ("{details.x|contains: roo}", "gROOt", "rot"),
    "endswith": ("{details.x|endswith: .php}", "/A.PHP", "/a.php5"),
    "exists": ("{details.x|exists: true}", "", None),
    "fieldref": ("{details.x|fieldref: details.y}", "bob", "alice"),
    "lt": ("{details.x|lt: 5}", "4.9", 5),
    "lte": ("{details.x|lte: 5}", 5, 5.1),
    "gt": ("{details.x|gt: 5}", 6, 5),
    "gte": ("{details.x|gte: 5}", "5", "four"),
    "neq": ("{details.x|neq: [a, b]}", "c", "B"),
    "re": ("{details.x|re: 'a.+z'}", "xabzx", "az"),
    "i": ("{details.x|re|i: '^ab$'}", "AB", "ABC"),
    "ignorecase": ("{details.x|re|ignorecase: '^ab$'}", "AB", "ABC"),
    "m": ("{details.x|re|m: '^b$'}", "a\nb\nc", "a\nbc"),
    "multiline": ("{details.x|re|multiline: '^b$'}", "a\nb\nc", "a\nbc"),
    "s": ("{details.x|re|s: 'a.b'}", "a\nb", "ab"),
    "dotall": ("{details.x|re|dotall: 'a.b'}", "a\nb", "ab"),
    "startswith": ("{details.x|startswith: /adm}", "/Admin", "x/admin"),
    "utf16": ("{details.x|utf16|base64offset|contains: ab}", "//5hAGIA", "YWI="),
    "utf16be": ("{details.x|utf16be|base64offset|contains: ab}", "AGEAYg==", "YWI="),
    "wide": ("{details.x|wide|base64offset|contains: ab}", "YQBiAA==", "YWI="),
    "windash": ("{details.x|windash|contains: ' -x'}", "cmd /x", "cmd x"),
    "minute": ("{details.x|minute: 30}", "2026-11-25T09:30:00Z", "2026-11-25T09:31:00Z"),
    "hour": ("{details.x|hour: 9}", "2026-11-25T11:30:00+02:00", "2026-11-25T10:30:00Z"),
    "day": ("{details.x|day: 25}", "2026-11-25T09:30:00Z", "2026-11-24T09:30:00Z"),
    "week": ("{details.x|week: 48}", "2026-11-25T09:30:00Z", "2026-11-18T09:30:00Z"),
    "month": ("{details.x|month: 11}", "2026-11-25T09:30:00Z", "2026-12-25T09:30:00Z"),
    "year": ("{details.x|year: 2026}", "2026-11-25T09:30:00Z", "2025-11-25T09:30:00Z"),
}


def told(value: object) -> dict[str, Any]:
    return {"y": "Bob"} if value is None else {"x": value, "y": "Bob"}


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_every_modifier_that_is_listed_is_evaluated(modifier: str) -> None:
    selection, right, wrong = ASKED[modifier]
    assert f"|{modifier}" in selection
    assert matches(selecting(selection), event("message", **told(right)))
    assert not matches(selecting(selection), event("message", **told(wrong)))


@pytest.mark.parametrize(
    ("selection", "right", "wrong"),
    [
        ("{details.x: plain}", "PLAIN", "plainer"),
        ("{details.x: 'a*c?'}", "abbbcd", "abbbc"),
        ("{details.x: 'a\\*c'}", "a*c", "abc"),
        ("{details.x: 5}", "5", "5x"),
        ("{details.x: true}", "True", "yes"),
        ("{details.x: 'true'}", True, False),
        ("{details.x: null}", None, "null"),
        ("{details.x: ''}", "", "x"),
        ("{details.x: [a, b]}", ["c", "B"], ["c"]),
        ("{details.x.1|exists: true}", ["a", "b"], ["a"]),
        ("{details.x.deep: v}", {"deep": "V"}, {"deep": {"v": 1}}),
        ("{details.x.deep: v}", [{"deep": "u"}, {"deep": "v"}], [{"deep": "u"}]),
        ("{details.x|fieldref|startswith: details.y}", "Bobby", "xBob"),
        ("{details.x|fieldref|contains: details.y}", "xbobx", "bo"),
        ("{details.x|hour|gte: 22}", "2026-11-25T23:30:00Z", "2026-11-25T09:30:00Z"),
        ("{actor: 'gitlab:user/alice', details.x: 1}", 1, 2),
    ],
)
def test_values_are_compared_as_sigma_says(selection: str, right: object, wrong: object) -> None:
    assert matches(selecting(selection), event("message", **told(right)))
    assert not matches(selecting(selection), event("message", **told(wrong)))


def test_keywords_are_looked_for_everywhere() -> None:
    text = rule("  keywords: ['DisallowedHost', 'rm -rf*boot']\n  condition: keywords")
    assert matches(text, event("message", deep=[{"er": "django.security.disallowedhost"}]))
    assert matches(text, event("message", said="sudo rm -rf / --no /boot/"))
    assert not matches(text, event("message", said="a host"))
    both = rule("  keywords:\n    '|all': [dd, 'if=']\n  condition: keywords")
    assert matches(both, event("message", said="dd if=/dev/zero"))
    assert not matches(both, event("message", said="dd of=/dev/zero"))


def test_conditions_are_joined_and_selected() -> None:
    detection = "  sel_a: {details.a: 1}\n  sel_b: {details.b: 1}\n  filter: {outcome: refused}\n  condition: "
    one, both = event("message", a=1), event("message", a=1, b=1)
    assert matches(rule(detection + "1 of sel_* and not filter"), one)
    assert not matches(rule(detection + "all of sel_* and not filter"), one)
    assert matches(rule(detection + "all of sel_* and not filter"), both)
    assert not matches(rule(detection + "1 of sel_* and not filter"), event("message", a=1, outcome="refused"))
    assert matches(rule("  a: {details.a: 1}\n  b: {details.b: 1}\n  condition: [a, b]"), one), (
        "several are joined with or"
    )


REFUSED = {
    "expand": (selecting("{details.x|expand: '%admins%'}"), "detection.selection.details.x|expand", "'expand'"),
    "unknown": (selecting("{details.x|sounds_like: a}"), "detection.selection.details.x|sounds_like", "'sounds_like'"),
    "logsource": (rule("  s: {a: b}\n  condition: s", logsource="{product: windows}"), "product windows", "'A rule'"),
    "lookahead": (selecting("{details.x|re: 'a(?=b)'}"), "rule.yml", "Regular expression"),
    "yaml": ("title: [", "rule.yml", "YAML"),
    "no rule": ("- just\n- a list\n", "rule.yml", "is no rule"),
    "nothing": ("title: x\n", "rule.yml", "log source"),
    "condition": (rule("  s: {a: b}\n  condition: s and t"), "rule.yml", "'t' not defined"),
    "pipe": (rule("  s: {a: b}\n  condition: s | count() > 5"), "rule.yml", "pipe"),
    "global": ("action: global\ntitle: x\n", "rule.yml", "action: global"),
    "setting": (selecting("{a: b}") + "stockade: {shadw: true}\n", "rule.yml: stockade", "'shadw'"),
    "remember": (
        selecting("{a: b}") + "stockade: {remember: {type: first_sen}}\n",
        "stockade.remember.type",
        "first_seen",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_evaluated_is_refused_naming_rule_place_and_modifier(name: str) -> None:
    text, place, what = REFUSED[name]
    with pytest.raises(ConfigurationError) as refused:
        rules_of([("rule.yml", text)])
    assert place in refused.value.message
    assert what in refused.value.message
    assert "rule.yml" in refused.value.message


def test_a_file_that_unfolds_without_end_is_refused() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ConfigurationError, match=r"rule\.yml"):
        rules_of([("rule.yml", selecting("{a: b}") + "\n".join(lines))])


CORRELATED = rule("  s: {action: token.create}\n  condition: s") + "---\ntitle: Often\ncorrelation: "


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        ("{type: value_sum, rules: [a_rule], timespan: 1h, condition: {field: details.n, gte: 5}}", "value_sum"),
        ("{type: event_count, rules: [a_rule], timespan: 1h, condition: {lt: 5}}", "condition lt"),
        ("{type: event_count, rules: [a_rule], timespan: 1h, condition: {neq: 5}}", "condition neq"),
        ("{type: temporal, rules: [a_rule], timespan: 1h, condition: not a_rule}", "condition not"),
        ("{type: event_count, rules: [no_rule], timespan: 1h, condition: {gte: 5}}", "no_rule"),
        ("{type: event_count, rules: [a_rule], timespan: 1x, condition: {gte: 5}}", "1x"),
        ("{type: value_count, rules: [a_rule], timespan: 1h, condition: {gte: 5}}", "field"),
    ],
)
def test_a_correlation_that_cannot_be_evaluated_is_refused(correlation: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        rules_of([("rule.yml", CORRELATED + correlation)])


def test_rules_in_a_circle_are_refused() -> None:
    one = (
        "title: {0}\nname: {0}\ncorrelation: {{type: event_count, rules: [{1}], timespan: 1h, condition: {{gte: 1}}}}\n"
    )
    with pytest.raises(ConfigurationError, match="circle"):
        rules_of([("rule.yml", one.format("a", "b") + "---\n" + one.format("b", "a"))])


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two rules are called a_rule"):
        rules_of([("a.yml", selecting("{a: b}")), ("b.yml", selecting("{a: b}"))])


def test_a_filter_of_sigma_takes_away_what_it_selects() -> None:
    filtered = (
        selecting("{action: token.create}")
        + "---\ntitle: Our robot\nlogsource: {product: stockade}\n"
        + "filter:\n  rules: [a_rule]\n  robot: {actor: 'gitlab:user/ci'}\n  condition: not robot\n"
    )
    assert matches(filtered, event("token.create"))
    assert not matches(filtered, event("token.create", "ci"))


def test_a_filter_of_a_rule_that_is_not_there_is_refused() -> None:
    lost = "title: F\nlogsource: {product: stockade}\nfilter: {rules: [no_such], r: {a: b}, condition: not r}\n"
    with pytest.raises(ConfigurationError, match="'F' filters no_such, which is no rule"):
        rules_of([("f.yml", lost)])


def test_rules_beside_ours_refer_to_ours_filter_them_and_silence_none(tmp_path: Path) -> None:
    robot = "title: Our robot\nlogsource: {product: stockade}\nfilter:\n"
    robot += "  rules: [factor_removed]\n  robot: {actor.id: robot}\n  condition: not robot\n"
    (tmp_path / "robot.yml").write_text(robot)
    twice = (
        "title: Twice\ncorrelation: {type: event_count, rules: [factor_removed], timespan: 1h, condition: {gte: 2}}\n"
    )
    (tmp_path / "twice.yml").write_text(twice)
    detector = Rules(rules_beside_ours(tmp_path))
    assert "factor_removed" not in names(fed(detector, [event("factor.remove", "robot", target="alice")]))
    told = names(fed(detector, [event("factor.remove", at=n, target="alice") for n in range(2)]))
    assert {"factor_removed", "twice"} <= set(told)


WORDS = st.sampled_from([*list(BEHAVIOUR_OF)[:12], "x.y"])
LEAF = st.one_of(
    WORDS.map(lambda action: {"action": action}),
    st.sampled_from(
        [{"action|startswith": "token"}, {"outcome": "success"}, {"details.a": 1}, {"action|neq": "token.use"}]
    ),
)


@st.composite
def detections(draw: st.DrawFn) -> str:
    """A rule about actions, in which anything may be joined with anything."""
    named = {f"s{number}": leaf for number, leaf in enumerate(draw(st.lists(LEAF, min_size=1, max_size=4)))}
    condition = draw(st.recursive(
        st.sampled_from(sorted(named)),
        lambda inner: st.one_of(
            inner.map("not ({})".format),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: "({} {} {})".format(*parts)),
        ),
        max_leaves=5,
    ))  # fmt: skip
    return rule(
        "".join(f"  {name}: {json.dumps(leaf)}\n" for name, leaf in named.items()) + f"  condition: {condition}"
    )


@given(text=detections(), action=WORDS, success=st.booleans(), a=st.integers(0, 1))
def test_a_rule_that_is_not_shown_an_event_would_not_have_matched_it(
    text: str, action: str, success: bool, a: int
) -> None:
    (made,) = rules_of([("rule.yml", text)])
    assert made.condition is not None
    (entry,) = entries([event(action, outcome="success" if success else "failure", a=a)])
    possible = made.condition.possible(Kind(action, "gitlab", entry.event.outcome))
    match = made.condition.match(View(entry))
    assert possible is None or possible is match
    assert bool(Rules([made]).feed(entry)) is match
