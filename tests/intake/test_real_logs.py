"""Real logs of others, and what CrowdSec's parsers are expected to find in them, each difference explained."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.intake.lines import reading, real

HUB = "data/crowdsec-hub"


@pytest.mark.parametrize(
    ("folder", "format", "stage", "at", "name"),
    [
        ("gitlab-logs", "gitlab", "timokoessler/gitlab-logs", "timestamp", "username"),
        ("gitea-logs", "gitea", "LePresidente/gitea-logs", "timestamp", "user"),
    ],
)
def test_failed_sign_ins_are_read_as_crowdsec_reads_them(
    folder: str, format: str, stage: str, at: str, name: str
) -> None:
    asserted = real(f"{HUB}/{folder}/parser.assert").read_text()
    meta = re.compile(rf'results\["s01-parse"\]\["{stage}"\]\[(\d+)\]\.Evt\.(?:Meta|Parsed)\["(\w+)"\] == "(.*)"')
    wanted: dict[int, dict[str, str]] = {}
    for number, key, value in meta.findall(asserted):
        wanted.setdefault(int(number), {})[key] = value
    read = reading(format)
    lines = real(f"{HUB}/{folder}/{folder}.log").read_text().splitlines()
    found = [taken.event for line in lines if line for taken in read(line)]
    assert len(found) == len(wanted) > 0
    for number, event in enumerate(found):
        expected = wanted[number]
        stamp = datetime.fromisoformat(expected[at].replace("/", "-")).replace(tzinfo=UTC)
        assert event.time == stamp.timestamp()
        assert event.source == expected["source_ip"]
        assert (event.action, event.outcome) == ("authentication.failure", "failure")
        who = event.actor.id if event.actor else None
        assert who == expected.get(name), "a second factor that failed names nobody, there and here"


@pytest.mark.parametrize(
    ("folder", "format", "user"),
    [("gitlab-bf", "gitlab", "username"), ("gitea-bf", "gitea", "user"), ("ssh-bf", "syslog", "target_user")],
)
def test_guesses_are_those_that_raise_its_alerts(folder: str, format: str, user: str) -> None:
    lines = real(f"{HUB}/{folder}/{folder}.log").read_text().splitlines()
    events = re.compile(r'results\[(\d+)\]\.Overflow\.Alert\.Events\[(\d+)\]\.GetMeta\("(\w+)"\) == "(.*)"')
    expected: dict[tuple[str, str], dict[str, str]] = {}
    for alert, number, key, said in events.findall(real(f"{HUB}/{folder}/scenario.assert").read_text()):
        expected.setdefault((alert, number), {})[key] = said
    read = reading(format, now=1_800_000_000.0)
    found = [taken.event for line in lines if line for taken in read(line)]
    assert {(event.action, event.outcome) for event in found} == {("authentication.failure", "failure")}
    # syslog has no year: CrowdSec takes that of the day when it runs, we the latest that is not to come
    seen = {
        (
            datetime.fromtimestamp(event.time, UTC).strftime("%m-%dT%H:%M:%S"),
            event.source,
            event.actor.id if event.actor else None,
        )
        for event in found
    }
    told = {(each["timestamp"][5:19], each["source_ip"], each.get(user)) for each in expected.values()}
    assert told
    assert told <= seen


def test_ten_thousand_real_requests_are_all_read() -> None:
    read = reading("access")
    lines = real("data/access-logs/apache_combined_10k.log").read_text().splitlines()
    found = [taken.event for line in lines for taken in read(line)]
    assert len(found) == 10_000
    assert len({event.source for event in found}) == 1_753
    assert {event.action for event in found} == {"http.request"}
    methods = Counter(event.details["method"] for event in found)
    assert methods == {"GET": 9_952, "HEAD": 42, "POST": 5, "OPTIONS": 1}
