"""What is behind, by whose word: the distribution's for its packages, the makers' for everything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.host.facts.package import Package
from stockade.host.facts.process import Process
from stockade.host.updates.applications import Application, imaged, packaged
from stockade.host.updates.apt import Upgrade, upgrades
from stockade.host.updates.behind import Behind, Installed, Why
from stockade.host.updates.catalogue import Source
from stockade.host.updates.documents import catalogue, distilled
from stockade.host.updates.judging import DAY, judged
from stockade.host.updates.oddities import oddities
from stockade.host.updates.planning import planned
from stockade.host.updates.restarting import reboot, restarts
from tests.host.updates.made import NOW, TODAY, known, machine
from tests.source_tree import ROOT

REAL = ROOT.parent / "shared" / "data" / "releases"
SSHD = Package("openssh-server", "1:9.2p1-2+deb12u7", "openssh")
MENDED = Package("openssh-server", "1:9.2p1-2+deb12u9", "openssh")
WORDS = "vulnerabilities versions releases result cycle name eol date latest CVE-2026-1 bookworm status fixed_version"
FORGE = Application("forge", "gitlab", "19.1.5", "written", reachable=True)


def behind(installed: Installed, *names: str) -> dict[str, Behind]:
    return {each.name: each for each in judged(installed, known(*names), NOW).behind}


# ── packages of a distribution ───────────────────────────────────────────────────────────────────


def test_a_back_port_is_no_old_version() -> None:
    """9.2p1 is years behind upstream, and has what mends it."""
    assert "openssh" not in behind(machine(MENDED))
    found = behind(machine(SSHD, listening=frozenset({"openssh-server"})))["openssh"]
    assert (found.why, found.mends) == (Why.EXPLOITED, "1:9.2p1-2+deb12u9")
    assert ([each.cve for each in found.exploited], found.reachable) == (["CVE-2026-2002"], True)


def test_without_the_distributions_word_nothing_is_said_of_its_packages_but_that_nothing_can_be() -> None:
    found = judged(machine(SSHD), known("kev", "debian"), NOW)
    assert [each.name for each in found.behind] == ["Debian 12"]
    assert "which packages intruders attack" in {each.what for each in found.unseen}
    elsewhere = judged(Installed(machine(SSHD).system.__class__("ubuntu", "24.04"), {"x": SSHD}), known(), NOW)
    assert "openssh" not in {each.name for each in elsewhere.behind}
    assert "which packages intruders attack" in {each.what for each in elsewhere.unseen}


def test_a_package_that_is_numbered_apart_from_its_source_is_judged_by_its_source() -> None:
    gcc = Package("gcc", "4:12.2.0-3", "gcc-defaults", source_version="1.203")
    assert "gcc-defaults" not in behind(machine(gcc))
    old = Package("gcc", "4:12.2.0-3", "gcc-defaults", source_version="1.199")
    assert behind(machine(old))["gcc-defaults"].why is Why.SECURITY


def test_only_the_kernel_that_runs_is_a_danger() -> None:
    old = Package("linux-image-6.1.0-30-amd64", "6.1.124-1", "linux-signed-amd64", source_version="6.1.124+1")
    new = Package("linux-image-6.1.0-40-amd64", "6.1.153-1", "linux-signed-amd64", source_version="6.1.153+1")
    both = {each.name: each for each in (old, new)}
    assert behind(machine(old))["linux"].why is Why.EXPLOITED
    assert "linux" not in behind(machine(old, new))
    again = reboot(both, "6.1.0-30-amd64", asked=False)
    assert again is not None
    assert "6.1.0-40" in again.package
    assert reboot(both, "6.1.0-40-amd64", asked=False) is None
    assert reboot(both, "5.15.0-a-hosts-own", asked=False) is None


def test_what_apt_has_at_hand_is_behind_and_security_where_either_of_the_two_says_so() -> None:
    said = """\
Inst curl [7.88.1-10+deb12u14] (7.88.1-10+deb12u15 Debian:12.15/oldstable [amd64])
Conf curl (7.88.1-10+deb12u15 Debian:12.15/oldstable [amd64])
Inst libxml2 [2.9.14] (2.9.15 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst tzdata [2025a] (2025b Debian:12.15/oldstable [all])
Inst new-thing (1.0 Debian:12.15/oldstable [amd64])
"""
    found = tuple(upgrades(said))
    assert found[0] == Upgrade("curl", "7.88.1-10+deb12u14", "7.88.1-10+deb12u15", security=False)
    have = machine(*(Package(each.package, each.installed) for each in found), upgrades=found)
    told = {name: each.why for name, each in behind(have).items()}
    assert told == {
        "Debian 12": Why.END, "curl": Why.SECURITY, "libxml2": Why.SECURITY, "tzdata": Why.OLD,
    }  # fmt: skip


# ── everything else ──────────────────────────────────────────────────────────────────────────────


def test_an_application_goes_to_the_latest_of_its_branch_while_that_is_kept_else_to_the_nearest_that_is() -> None:
    def of(version: str) -> Behind | None:
        have = machine(applications=(Application("forge", "gitlab", version, ""),))
        return behind(have, "kev", "gitlab").get("forge")

    told = {version: each and (each.why, each.mends) for version in GITLABS for each in [of(version)]}
    assert told == {
        "19.3.0": None,
        "19.2.4": None,
        "19.2.3": (Why.EXPLOITED, "19.2.4"),
        "19.1.5": (Why.EXPLOITED, "19.1.6"),
        "18.0.1": (Why.EXPLOITED, "19.1.6"),
    }


GITLABS = ("19.3.0", "19.2.4", "19.2.3", "19.1.5", "18.0.1")


def test_who_knows_that_an_attack_does_not_work_says_so() -> None:
    sure = Application("forge", "gitlab", "19.1.5", "", mended=("CVE-2026-1001",))
    found = behind(machine(applications=(sure,)), "kev", "gitlab")["forge"]
    assert (found.why, bool(found.doubt)) == (Why.SECURITY, True)


@pytest.mark.parametrize(
    ("application", "why"),
    [(Application("x", "unheard-of", "1.0", ""), "no release data"),
     (Application("x", "gitlab", "latest", ""), "no number"),
     (Application("x", "gitlab", "20.0.0", ""), "later than all")],
)  # fmt: skip
def test_what_cannot_be_told_of_an_application_is_said(application: Application, why: str) -> None:
    found = judged(machine(applications=(application,)), known("kev", "gitlab"), NOW)
    assert [each for each in found.unseen if why in each.why and "x" in each.what]


def test_packages_of_their_makers_and_images_with_a_tag_are_applications() -> None:
    ours = {"gitlab-ce": Package("gitlab-ce", "19.1.5-ce.0"), "docker-ce": Package("docker-ce", "5:27.0.3-1~debian.12")}
    assert {each.product: each.version for each in packaged(ours)} == {
        "gitlab": "19.1.5-ce.0", "docker-engine": "27.0.3-1~debian.12",
    }  # fmt: skip
    told = dict(imaged("gitlab/gitlab-ce:19.1.5-ce.0\nregistry.example:5000/gitea/gitea:1.21.0\nnginx:latest\nabc\n"))
    assert [each and (each.product, each.version) for each in told.values()] == [
        ("gitlab", "19.1.5-ce.0"), ("gitea", "1.21.0"), None, None,
    ]  # fmt: skip


def test_a_system_that_is_given_up_says_what_is_next_and_who_keeps_it_still() -> None:
    found = behind(machine(), "debian")["Debian 12"]
    assert (found.why, found.mends) == (Why.END, "13")
    assert "2028-06-30" in found.doubt


def test_old_data_is_said_to_be_old() -> None:
    assert not [each for each in judged(machine(), known(), NOW).unseen if "days old" in each.why]
    late = judged(machine(), known(), NOW + 30 * DAY)
    assert len([each for each in late.unseen if "days old" in each.why]) == 4


def test_other_forms_of_release_data_say_the_same() -> None:
    v1 = {"schema_version": "1.2.0", "result": {"name": "gitlab", "releases": [
        {"name": "19.1", "eolFrom": "2026-09-17", "latest": {"name": "19.1.6", "date": "2026-08-14"}},
        {"name": "18.0", "isEol": True, "eolFrom": "2025-08-21", "latest": {"name": "18.0.6", "date": "2025-08-13"}},
    ]}}  # fmt: skip
    found = distilled(json.dumps(v1).encode(), "whatever", "bookworm")
    assert found.content["product"] == "gitlab"
    assert found.content["cycles"] == [["19.1", "2026-09-17", None], ["18.0", "2025-08-21", None]]
    assert found.content["versions"] == {"19.1.6": "2026-08-14", "18.0.6": "2025-08-13"}


@pytest.mark.parametrize(
    "octets",
    [b"", b"[]", b"{}", b"null", b"7", b'"x"', b'{"vulnerabilities":[{}]}', b'{"versions":{"1":{"date":"x"}}}',
     b'{"a":{"b":{}}}', b'[{"cycle":"1","eol":"tomorrow"}]', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_what_is_no_release_data_is_refused(octets: bytes) -> None:
    with pytest.raises(ConfigurationError):
        distilled(octets, "odd", "bookworm")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_whatever_somebody_serves_is_refused_or_can_be_read_again(said: object) -> None:
    try:
        document = distilled(json.dumps(said).encode(), "odd", "bookworm")
    except ConfigurationError:
        return
    catalogue([(Source(document.name, "", NOW, NOW, ""), json.loads(json.dumps(document.content)))])


@pytest.mark.skipif(not REAL.exists(), reason="the real release data is not here")
def test_what_cannot_be_read_is_not_quoted_whole() -> None:
    with pytest.raises(ConfigurationError) as refused:
        distilled(b"\xff\xc1" * 100_000, "data", "bookworm")
    assert len(str(refused.value)) < 1000


def test_real_release_data_is_read() -> None:
    attacks = distilled((REAL / "known_exploited_vulnerabilities.json").read_bytes(), "kev", "bookworm")
    released = distilled((REAL / "gitlab.json").read_bytes(), "gitlab", "bookworm")
    assert len(attacks.content["exploited"]) == 1404
    assert len(released.content["versions"]) == 1314


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────


def test_a_plan_begins_with_what_is_exploited_and_ends_with_what_must_start_anew() -> None:
    have = machine(
        SSHD, Package("curl", "7.88.1-10+deb12u14"), Package("tzdata", "2025a"),
        upgrades=(Upgrade("tzdata", "2025a", "2025b", security=False),), applications=(FORGE,),
        listening=frozenset({"openssh-server"}),
    )  # fmt: skip
    old = Process(7, "nginx", exe="/usr/sbin/nginx", cgroup="0::/system.slice/nginx.service",
                  libraries=("/usr/lib/libssl.so.3 (deleted)",))  # fmt: skip
    again = [*restarts([old, Process(8, "sh", exe="/bin/sh")], {"/usr/lib/libssl.so.3": "libssl3"}.get)]
    steps = planned(judged(have, known(), NOW), again, TODAY)
    assert [each.why for each in steps] == [
        Why.EXPLOITED, Why.EXPLOITED, Why.SECURITY, Why.END, Why.OLD, None,
    ]  # fmt: skip
    assert steps[0].mends == ("forge",)
    assert steps[1].command == "apt-get install --only-upgrade openssh-server"
    assert steps[2].command == "apt-get install --only-upgrade curl"
    assert steps[-1].command == "systemctl restart nginx.service"
    assert [(each.by - TODAY).days for each in steps] == [1, 1, 7, 90, 30, 1]


def test_a_package_of_its_makers_is_updated_to_the_release_that_mends_it_and_not_past_it() -> None:
    forge = Application("gitlab-ce", "gitlab", "18.0.1-ce.0", "", "gitlab-ce")
    (step,) = planned(judged(machine(applications=(forge,)), known("kev", "gitlab"), NOW), (), TODAY)
    assert step.command == "apt-get install --only-upgrade 'gitlab-ce=19.1.6*'"
    assert "stops" in step.what


def test_a_triage_is_loud_only_where_intruders_come_in_by_it() -> None:
    have = machine(SSHD, Package("curl", "7.88.1-10+deb12u14"), listening=frozenset({"openssh-server"}))
    told = {each.signal: each for each in oddities("web1", judged(have, known(), NOW))}
    assert {signal: each.severity for signal, each in told.items()} == {
        "exploited-software": "high", "outdated-software": "informational",
    }  # fmt: skip
    assert told["exploited-software"].techniques == ("T1190",)
    quiet = next(oddities("web1", judged(machine(SSHD, listening=frozenset()), known(), NOW)))
    assert (quiet.severity, quiet.techniques) == ("medium", ("T1068",))
    assert not list(oddities("web1", judged(machine(MENDED), known("kev", "tracker"), NOW)))
