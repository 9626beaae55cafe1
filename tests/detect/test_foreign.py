"""Sigma's own schemas hold our rules, and rules of SigmaHQ run on what was taken in from the systems they are for."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from stockade.detect.detector import Rules
from stockade.detect.foreign import SOURCES
from stockade.detect.pack import own_pack, rules_in, rules_that_run
from stockade.detect.reading import rules_of
from stockade.errors import ConfigurationError
from stockade.events import Entry
from stockade.intake.formats import reader
from stockade.intake.formats.mapped import parse
from stockade.lines.stamps import Dating
from tests.detect.entries import NOW
from tests.intake.lines import real

SIGMA = "data/sigma"
GITHUB = parse(
    """
    system = "github"
    [fields]
    time = "@timestamp"
    name = "action"
    actor = "actor"
    [[map]]
    action = "factor.policy.change"
    from = ["org.disable_two_factor_requirement"]
    """,
    where="github.toml",
)
OTHER = """
    system = "{system}"
    [fields]
    time = "published"
    name = "{name}"
    """


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(real(f"{SIGMA}/json-schema/sigma-{name}-schema.json").read_text()))


def plain(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document, default=str))


def test_our_rules_are_rules_as_sigma_defines_them() -> None:
    detection, correlation = schema("detection-rule"), schema("correlation-rules")
    for rule in own_pack():
        for document in yaml.safe_load_all(rule.source):
            wanted = correlation if "correlation" in document else detection
            problems = [f"{rule.file}: {error.message}" for error in wanted.iter_errors(plain(document))]
            assert problems == []


@pytest.mark.parametrize("name", ["event_count", "event_count_ecs", "temporal", "temporal_ordered", "value_count"])
def test_the_correlations_that_sigma_tests_its_schema_with_run(name: str) -> None:
    text = real(f"{SIGMA}/tests/schema/correlation/{name}.yml").read_text()
    (correlation,) = (yaml.safe_load(text)["correlation"],)
    parts = [
        f"title: {part}\n{'id' if '-' in part else 'name'}: {part}\nlogsource: {{product: stockade}}\n"
        f"detection: {{s: {{details.of: {part}}}, condition: s}}\n"
        for part in correlation["rules"]
    ]
    rules = rules_of([(f"{name}.yml", "---\n".join([*parts, text]))])
    assert rules[-1].correlation is not None
    assert rules[-1].correlation.way == correlation["type"]


@pytest.mark.parametrize("name", ["value_sum", "value_avg", "value_percentile"])
def test_the_others_are_refused(name: str) -> None:
    text = real(f"{SIGMA}/tests/schema/correlation/{name}.yml").read_text()
    (part,) = yaml.safe_load(text)["correlation"]["rules"]
    rule = f"title: x\nname: {part}\nlogsource: {{product: stockade}}\ndetection: {{s: {{a: b}}, condition: s}}\n---\n"
    with pytest.raises(ConfigurationError, match=name):
        rules_of([(f"{name}.yml", rule + text)])


@pytest.mark.parametrize("name", ["filter_1", "filter_ecs"])
def test_the_filters_that_sigma_tests_its_schema_with_run_where_their_rules_are(name: str) -> None:
    text = real(f"{SIGMA}/tests/schema/filter/{name}.yml").read_text()
    schema("filters").validate(plain(yaml.safe_load(text)))
    with pytest.raises(ConfigurationError, match="which is no rule"):
        rules_of([(f"{name}.yml", text)])
    written = (
        text.split("filter:")[0].split("logsource:")[0]
        + "logsource: {product: stockade}\nfilter:"
        + text.split("filter:")[1]
    )
    parts = [
        f"title: x\nid: {part}\nlogsource: {{product: stockade}}\ndetection: {{s: {{action: message}}, condition: s}}\n"
        for part in yaml.safe_load(text)["filter"]["rules"]
    ]
    assert len(rules_of([(f"{name}.yml", "---\n".join([*parts, written]))])) == 2


@pytest.mark.parametrize("name", ["rule_1", "rule_ecs"])
def test_rules_for_logs_that_nobody_takes_in_here_are_refused(name: str) -> None:
    path = real(f"{SIGMA}/tests/schema/rules/{name}.yml")
    with pytest.raises(ConfigurationError, match=r"logs of product \w+"):
        rules_in(path)


def test_every_rule_of_sigmahq_for_these_systems_loads() -> None:
    rules, refused = rules_that_run(real(f"{SIGMA}/rules"))
    assert (len(rules), refused) == (125, ())
    assert all(rule.foreign for rule in rules)
    assert {product for product, _ in SOURCES} >= {"github", "bitbucket", "okta", "django", "linux"}


def found(folder: str, lines: list[str | dict[str, Any]], form: str, mapping: str = "") -> set[str]:
    """The rules of a folder that find something in lines, taken in by a reader."""
    rules, _ = rules_that_run(real(f"{SIGMA}/rules/{folder}"))
    chosen = GITHUB if mapping == "github" else parse(mapping, where="mapping.toml") if mapping else None
    read, detector = reader(form, Dating(lambda: NOW, UTC), mapping=chosen), Rules(rules)
    events = [taken.event for line in lines for taken in read(line if isinstance(line, str) else json.dumps(line))]
    return {
        Path(finding.rule).name
        for number, event in enumerate(events)
        for finding in detector.feed(Entry(number, NOW, event))
    }


def test_github_whether_there_was_a_word_for_it_or_not() -> None:
    lines: list[str | dict[str, Any]] = [
        {"@timestamp": 1_799_999_000_000, "action": "repo.destroy", "actor": "octocat"},
        {"@timestamp": 1_799_999_001_000, "action": "org.disable_two_factor_requirement", "actor": "octocat"},
        {"@timestamp": 1_799_999_002_000, "action": "repo.create", "actor": "octocat"},
    ]
    assert found("application/github", lines, "json", "github") == {
        "github_delete_action_invoked",
        "github_disable_high_risk_configuration",
    }


def test_okta_and_bitbucket_by_fields_within_fields() -> None:
    okta = {
        "published": "2027-01-15T08:00:00Z",
        "eventType": "policy.lifecycle.delete",
        "securityContext": {"isProxy": True},
        "debugContext": {"debugData": {"requestUri": "/admin/groups"}},
    }
    rules = found("identity/okta", [okta], "json", OTHER.format(system="okta", name="eventType"))
    assert {"okta_policy_modified_or_deleted", "okta_admin_activity_from_proxy_query"} <= rules
    bitbucket = {
        "published": "2027-01-15T08:00:00Z",
        "auditType": {"category": "Data pipeline", "action": "Full data export triggered"},
    }
    name = OTHER.format(system="bitbucket", name="auditType.action")
    assert found("application/bitbucket", [bitbucket], "json", name) == {"bitbucket_audit_full_data_export_triggered"}


def test_linux_by_keywords_and_by_the_fields_of_its_audit_daemon() -> None:
    at = "<86>1 2027-01-15T08:00:00Z host1"
    lines: list[str | dict[str, Any]] = [
        f"{at} sshd 77 - - error: incorrect signature",
        f'{at} audit 1 - - type=EXECVE msg=audit(1700000000.1:7): argc=3 a0="chattr" a1="-i" a2="/etc/passwd"',
        f"{at} cron 9 - - (root) REPLACE (root)",
    ]
    rules = found("linux", lines, "syslog")
    assert {"lnx_sshd_susp_ssh", "lnx_auditd_chattr_immutable_removal", "lnx_cron_crontab_file_modification"} <= rules


def test_django_by_the_names_of_its_exceptions() -> None:
    line = {"time": NOW - 60, "name": "log django.security.SuspiciousSession", "said": "Session data corrupted"}
    assert found("application/django", [line], "django") == {"appframework_django_exceptions"}


def test_a_rule_for_one_system_is_not_shown_the_events_of_another() -> None:
    line = {"@timestamp": 1_799_999_000_000, "action": "repo.destroy", "actor": "octocat"}
    mapping = OTHER.format(system="gitlab", name="action").replace("published", "@timestamp")
    mapping = mapping.replace("[fields]", '[fields]\n    actor = "actor"')
    assert found("application/github", [line], "json", mapping) == set()
