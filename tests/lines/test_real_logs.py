"""Real logs of others, and the alerts that CrowdSec expects of them, each difference explained.

CrowdSec's scenarios are leaky buckets of 5 (a sixth failure overflows) that lose one failure every 10 or 20 s, with a
variant that counts distinct names. The rule here that comes nearest is six failures within the time in which five leak
away; the variant has no like and needs none, for whoever guesses six names fails six times.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from stockade.guard.address import Addresses, canonical
from stockade.guard.conditions import path, status
from stockade.guard.logs import replay
from stockade.guard.logs.formats import Dating, detect, reader
from stockade.guard.logs.hindsight import Report
from stockade.guard.logs.lines import request_of
from stockade.guard.policy import Policy
from stockade.guard.rules import Allow2Ban, Throttle
from tests.lines.logs import real

FAILURES = re.compile(r'results\[(\d+)\]\.Overflow\.Alert\.Events\[(\d+)\]\.GetMeta\("(\w+)"\) == "(.*)"')
SCENARIO = re.compile(r'results\[(\d+)\]\.Overflow\.Alert\.GetScenario\(\) == "(.*)"')


def expected_alerts(folder: str) -> dict[tuple[str, str], list[str]]:
    """What CrowdSec expects: for each scenario and address the times of the failures that raised the alert."""
    text = real(f"crowdsec-hub/{folder}/scenario.assert").read_text()
    names = dict(SCENARIO.findall(text))
    found: dict[str, dict[str, list[str]]] = {}
    for number, _, key, value in FAILURES.findall(text):
        found.setdefault(number, {}).setdefault(key, []).append(value)
    return {(names[n], meta["source_ip"][0]): meta["timestamp"] for n, meta in found.items()}


def banned(report: Report) -> dict[str, tuple[int, str]]:
    """Whom we would have banned, how often, and when first."""
    return {
        row.client: (row.bans, datetime.fromtimestamp(row.first, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        for row in report.rows
        if row.bans
    }


def replayed(folder: str, rule: Allow2Ban) -> Report:
    return replay.run(real(f"crowdsec-hub/{folder}/{folder}.log"), Policy([rule]), zone=UTC)


def sixth(times: list[str]) -> str:
    return times[5][:19]


def bans_for(seconds: float, condition: str) -> Allow2Ban:
    return Allow2Ban("guessing", maxretry=6, findtime=seconds, bantime=60, when=path(condition) & status(401))


# ── parses ───────────────────────────────────────────────────────────────────────────────────────


def test_ten_thousand_real_lines_are_all_read() -> None:
    log = real("access-logs/apache_combined_10k.log")
    texts = log.read_text().splitlines()
    dating = Dating(lambda: 2e9, UTC)
    assert detect(texts, dating).name == "combined"
    read = reader("combined", dating)
    lines = [line for text in texts if (line := read(text))]
    assert len(lines) == 10_000
    assert len({line.address for line in lines}) == 1_753
    assert Counter(line.method for line in lines) == {"GET": 9_952, "HEAD": 42, "POST": 5, "OPTIONS": 1}
    assert all(request_of(line, Addresses()).path.startswith("/") for line in lines)


def test_what_a_throttle_would_have_done_to_them() -> None:
    log = real("access-logs/apache_combined_10k.log")
    rules = [
        Throttle("all", limit=60, period=60),
        Allow2Ban("missing", maxretry=10, findtime=60, bantime=600, when=status(404)),
    ]
    report = replay.run(log, Policy(rules))
    assert (report.requests, report.unreadable, report.remarks) == (10_000, 0, ())
    assert (report.first, report.last) == (1431857103.0, 1432155959.0)
    assert report.refused > 0, "every line falls in minute :05 of its hour, so that rates are far higher than they were"


@pytest.mark.parametrize(
    ("folder", "stage", "at", "address", "name"),
    [
        ("gitlab-logs", "timokoessler/gitlab-logs", "timestamp", "source_ip", "username"),
        ("gitea-logs", "LePresidente/gitea-logs", "timestamp", "source_ip", "user"),
    ],
)
def test_lines_are_read_as_crowdsec_reads_them(folder: str, stage: str, at: str, address: str, name: str) -> None:
    asserted = real(f"crowdsec-hub/{folder}/parser.assert").read_text()
    meta = re.compile(rf'results\["s01-parse"\]\["{stage}"\]\[(\d+)\]\.Evt\.(?:Meta|Parsed)\["(\w+)"\] == "(.*)"')
    wanted: dict[int, dict[str, str]] = {}
    for number, key, value in meta.findall(asserted):
        wanted.setdefault(int(number), {})[key] = value
    texts = real(f"crowdsec-hub/{folder}/{folder}.log").read_text().splitlines()
    dating = Dating(lambda: 2e9, UTC)
    read = reader(detect(texts, dating).name, dating)
    lines = [line for text in texts if text and (line := read(text))]
    assert len(lines) == len(wanted)
    for number, line in enumerate(lines):
        stamp = datetime.fromisoformat(wanted[number][at].replace("/", "-")).replace(tzinfo=UTC)
        assert line.time == stamp.timestamp()
        assert canonical(line.address) == wanted[number][address]
        assert line.login == wanted[number].get(name, "-"), "a second factor that failed names nobody"
        assert (line.status, line.outcome) == (401, "failure")


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


def test_gitlab_alerts() -> None:
    alerts = expected_alerts("gitlab-bf")
    ours = banned(replayed("gitlab-bf", bans_for(100, "/users/**")))
    failures = {address: times for (scenario, address), times in alerts.items() if not scenario.endswith("_user-enum")}
    assert {address: ours[address] for address in failures} == {a: (1, sixth(t)) for a, t in failures.items()}
    # 8.8.8.8 took 26 s over six names: out of the bucket that leaks every 20 s one has gone by then, out of the one for
    # distinct names, which leaks every 40 s, none has
    names = {address: times for (scenario, address), times in alerts.items() if scenario.endswith("_user-enum")}
    assert ours.keys() - failures.keys() == names.keys() == {"8.8.8.8"}
    assert ours["8.8.8.8"] == (1, sixth(names["8.8.8.8"]))


def test_sshd_alerts() -> None:
    alerts = expected_alerts("ssh-bf")
    log = real("crowdsec-hub/ssh-bf/ssh-bf.log")
    ours = banned(replay.run(log, Policy([bans_for(50, "/ssh")]), zone=UTC))
    assert ours.keys() == {address for _, address in alerts} == {"35.188.49.176"}
    # a line of syslog has no year: CrowdSec takes that of the day when it runs, we the latest that is not to come
    bans, at = ours["35.188.49.176"]
    assert bans == 1, "both scenarios are one ban to us"
    assert at[4:] == sixth(alerts["crowdsecurity/ssh-bf", "35.188.49.176"])[4:]
    assert datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() <= log.stat().st_mtime + 86_400


def test_gitea_alerts() -> None:
    alerts = expected_alerts("gitea-bf")
    ours = banned(replayed("gitea-bf", bans_for(100, "/user/login")))
    expected = {address: sixth(times) for (_, address), times in alerts.items()}
    # an IPv6 client is banned by its prefix, for it owns all of it
    prefix = ours.pop("1234::/64")
    assert prefix[1] == expected.pop("1234::5678")
    # 2.2.2.2 has its last three failures an hour before its first three (a slip in the sample): CrowdSec counts them as
    # they come, and here a line that is late by more than five minutes is counted when it says it was
    assert expected.pop("2.2.2.2") == "2022-03-01T12:00:03"
    assert "2.2.2.2" not in ours
    assert ours == {address: (1, at) for address, at in expected.items()}
