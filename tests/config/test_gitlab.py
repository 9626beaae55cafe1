"""The GitLab preset does what GitLab does, to the number."""

from __future__ import annotations

from base64 import b64encode

import pytest

from stockade.config import rules_of
from stockade.config.gitlab_rules import gitlab_rules, preset
from stockade.guard.rules import Throttle
from tests.config.written import Visit, by_header, error, settings

GITLAB = 'preset = "gitlab"\n'
FETCH = "/group/project.git/info/refs?service=git-upload-pack"
ALICE = {"x-user": "1"}


def basic(login: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{login}:secret".encode()).decode()}


# ── the numbers of the documentation ─────────────────────────────────────────────────────────────


def test_the_eleventh_post_to_a_protected_path_in_a_minute_gets_429_and_is_told_when_to_come_again() -> None:
    visit = Visit(GITLAB)
    assert all(visit.passes("POST", "/users/sign_in") for _ in range(10))
    answer = visit.guard.refusal(visit.ask("POST", "/users/sign_in"))
    assert answer.status == 429
    assert dict(answer.headers)["retry-after"] == "60"
    assert answer.body == b"Retry later\n"
    visit.clock.now += 60
    assert visit.passes("POST", "/users/sign_in")


@pytest.mark.parametrize("path", preset()["protected_paths"])
def test_every_protected_path_is_protected_in_all_its_spellings(path: str) -> None:
    visit = Visit(GITLAB)
    spellings = [path, f"/{path}", path.replace("u", "%75"), f"{path}/", f"{path}.json"] * 2
    assert all(visit.passes("POST", spelling) for spelling in spellings)
    assert not visit.passes("POST", f"/.{path}")
    assert visit.passes("GET", path)


def test_thirty_failures_in_three_minutes_get_403_for_an_hour_without_any_rate_limit_header() -> None:
    visit = Visit(GITLAB)
    for n in range(30):
        target = FETCH if n % 2 else "/jwt/auth?service=container_registry"
        assert visit.ask("GET", target, headers=basic("alice"), status=401).allowed
        visit.clock.now += 5
    for target in (FETCH, "/jwt/auth"):
        decision = visit.ask("GET", target, headers=basic("alice"))
        answer = visit.guard.refusal(decision)
        assert answer.status == 403
        assert answer.body == b"Too many failed authentication attempts from this IP\n"
        assert not [name for name, _ in answer.headers if name.startswith(("ratelimit", "retry"))]
    assert visit.passes("GET", "/group/project")
    visit.clock.now += 3599 - 5
    assert not visit.passes("GET", FETCH)
    visit.clock.now += 2
    assert visit.passes("GET", FETCH)


def test_twenty_nine_failures_a_success_and_twenty_nine_failures_get_no_ban() -> None:
    visit = Visit(GITLAB)
    for _ in range(29):
        visit.ask("GET", FETCH, headers=basic("alice"), status=401)
    visit.ask("GET", FETCH, headers=basic("alice"), status=200)
    for _ in range(29):
        visit.ask("GET", FETCH, headers=basic("alice"), status=401)
    assert visit.passes("GET", FETCH)
    visit.ask("GET", FETCH, headers=basic("alice"), status=401)
    assert not visit.passes("GET", FETCH)


def test_gits_first_request_without_credentials_is_no_failure() -> None:
    visit = Visit(GITLAB)
    for _ in range(100):
        visit.ask("GET", FETCH, status=401)
    assert visit.passes("GET", FETCH)


def test_ci_jobs_are_neither_counted_nor_banned() -> None:
    visit = Visit(GITLAB)
    for _ in range(100):
        visit.ask("GET", "/jwt/auth", headers=basic("gitlab-ci-token"), status=401)
    assert visit.passes("GET", "/jwt/auth", headers=basic("alice"))
    for _ in range(30):
        visit.ask("GET", "/jwt/auth", headers=basic("alice"), status=401)
    assert not visit.passes("GET", "/jwt/auth", headers=basic("alice"))
    assert visit.passes("GET", "/jwt/auth", headers=basic("gitlab-ci-token"))


def test_trusted_addresses_are_not_counted() -> None:
    visit = Visit(GITLAB + '[gitlab.git_basic_auth]\nip_whitelist = ["203.0.113.0/24"]\nmaxretry = 1')
    for _ in range(5):
        visit.ask("GET", FETCH, headers=basic("alice"), status=401)
    assert visit.passes("GET", FETCH)
    visit.ask("GET", FETCH, headers=basic("alice"), status=401, address="192.0.2.1")
    assert not visit.passes("GET", FETCH, address="192.0.2.1")


def test_the_ban_can_be_switched_off() -> None:
    assert "git_basic_auth" not in [
        r.name for r in rules_of(settings(GITLAB + "[gitlab.git_basic_auth]\nenabled = false"))
    ]


# ── the throttles ────────────────────────────────────────────────────────────────────────────────

EVERY = [(entry["name"], entry["limit"], entry["period"], entry["enabled"]) for entry in preset()["throttle"]]


def test_there_are_gitlabs_throttles_with_gitlabs_defaults() -> None:
    assert dict.fromkeys(name for name, *_ in EVERY).keys() == {
        *(
            f"throttle_{who}_{what}"
            for who in ("unauthenticated", "authenticated")
            for what in ("api", "web", "git_http")
        ),
        *(
            f"throttle_{who}_{what}_api"
            for who in ("unauthenticated", "authenticated")
            for what in ("packages", "files", "deprecated")
        ),
        "throttle_authenticated_git_lfs",
        *(f"throttle_unauthenticated_{get}protected_paths" for get in ("", "get_")),
        *(f"throttle_authenticated_{get}protected_paths_{what}" for get in ("", "get_") for what in ("api", "web")),
        "throttle_product_analytics_collector",
        "throttle_incident_management_notification_web",
    }
    assert [name for name, _, _, enabled in EVERY if enabled and "protected" not in name] == [
        "throttle_product_analytics_collector"
    ]


REQUESTS = {
    "throttle_unauthenticated_api": ("GET", "/api/v4/projects", {}),
    "throttle_unauthenticated_web": ("GET", "/explore", {}),
    "throttle_authenticated_api": ("GET", "/api/v4/projects", ALICE),
    "throttle_authenticated_web": ("GET", "/explore", ALICE),
    "throttle_unauthenticated_packages_api": ("GET", "/api/v4/projects/1/packages/npm/x", {}),
    "throttle_authenticated_packages_api": ("GET", "/api/v4/projects/a%2Fb/packages/npm/x", ALICE),
    "throttle_unauthenticated_files_api": ("GET", "/api/v4/projects/1/repository/files/README.md", {}),
    "throttle_authenticated_files_api": ("GET", "/api/v4/projects/1/repository/files/a%2Fb", ALICE),
    "throttle_unauthenticated_deprecated_api": ("GET", "/api/v4/groups/1", {}),
    "throttle_authenticated_deprecated_api": ("PUT", "/api/v4/groups/1?with_projects=true", ALICE),
    "throttle_authenticated_git_lfs": ("POST", "/a/b.git/info/lfs/objects/batch", ALICE),
    "throttle_unauthenticated_git_http": ("GET", FETCH, {}),
    "throttle_authenticated_git_http": ("POST", "/a/b.git/git-receive-pack", ALICE),
    "throttle_incident_management_notification": ("POST", "/a/b/alerts/notify.json", {}),
}


@pytest.mark.parametrize("setting", REQUESTS)
def test_a_throttle_limits_its_requests_once_it_is_enabled(setting: str) -> None:
    method, target, headers = REQUESTS[setting]
    visit = Visit(GITLAB, identify=by_header)
    assert all(visit.passes(method, target, headers=headers) for _ in range(9))
    on = f"{GITLAB}[gitlab.{setting}]\nenabled = true\nlimit = 3\nperiod = 60"
    visit = Visit(on, identify=by_header)
    assert [visit.passes(method, target, headers=headers) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("what", ["packages", "files", "deprecated"])
@pytest.mark.parametrize("who", ["unauthenticated", "authenticated"])
def test_a_special_throttle_takes_over_from_the_general_one_only_while_it_is_enabled(who: str, what: str) -> None:
    method, target, headers = REQUESTS[f"throttle_{who}_{what}_api"]
    general = f"{GITLAB}[gitlab.throttle_{who}_api]\nenabled = true\nlimit = 1\n"
    visit = Visit(general, identify=by_header)
    assert [visit.passes(method, target, headers=headers) for _ in range(2)] == [True, False]
    visit = Visit(f"{general}[gitlab.throttle_{who}_{what}_api]\nenabled = true\nlimit = 3", identify=by_header)
    assert [visit.passes(method, target, headers=headers) for _ in range(4)] == [True, True, True, False]


def test_every_user_has_an_own_count_wherever_they_come_from() -> None:
    visit = Visit(GITLAB + "[gitlab.throttle_authenticated_api]\nenabled = true\nlimit = 1", identify=by_header)
    assert visit.passes("GET", "/api/v4/user", headers={"x-user": "1"})
    assert not visit.passes("GET", "/api/v4/user", headers={"x-user": "1"}, address="192.0.2.1")
    assert visit.passes("GET", "/api/v4/user", headers={"x-user": "2"})
    assert visit.passes("GET", "/api/v4/user", headers={"x-token": "9"})


def test_a_protected_path_counts_by_user_too() -> None:
    visit = Visit(GITLAB, identify=by_header)
    assert all(visit.passes("POST", "/users/password", headers=ALICE, address=f"192.0.2.{n}") for n in range(10))
    decision = visit.ask("POST", "/users/password", headers=ALICE, address="192.0.2.99")
    assert decision.rule is not None
    assert decision.rule.name == "throttle_authenticated_protected_paths_web"


def test_get_requests_are_protected_where_paths_for_them_are_listed() -> None:
    visit = Visit(GITLAB + '[gitlab]\nprotected_paths_get = ["/users/sign_in_path"]')
    assert all(visit.passes("GET", "/users/sign_in_path") for _ in range(10))
    assert not visit.passes("GET", "/users/sign_in_path")
    assert not visit.passes("HEAD", "/users/sign_in_path"), "GitLab lets HEAD slip past; we do not"


@pytest.mark.parametrize(
    "path", ["/api/v4/internal/allowed", "/api/v4/container_registry_event/events", "/-/health", "/-/metrics"]
)
def test_what_keeps_gitlab_running_is_not_throttled_for_strangers(path: str) -> None:
    both = "".join(f"[gitlab.throttle_unauthenticated_{w}]\nenabled = true\nlimit = 0\n" for w in ("api", "web"))
    assert Visit(GITLAB + both).passes("POST", path)


def test_a_deprecated_request_that_asks_for_no_projects_is_an_ordinary_one() -> None:
    visit = Visit(GITLAB + "[gitlab.throttle_unauthenticated_deprecated_api]\nenabled = true\nlimit = 0")
    assert visit.passes("GET", "/api/v4/groups/1?with_projects=false")
    assert not visit.passes("GET", "/api/v4/groups/1")


def test_requests_of_gitlabs_own_pages_count_with_the_pages_for_who_is_signed_in_only() -> None:
    on = GITLAB + "[gitlab.throttle_{}_api]\nenabled = true\nlimit = 0"
    frontend = {"x-csrf-token": "x"}
    assert Visit(on.format("authenticated"), by_header).passes("GET", "/api/v4/user", headers=frontend | ALICE)
    assert not Visit(on.format("unauthenticated"), by_header).passes("GET", "/api/v4/user", headers=frontend)


def test_the_collector_is_counted_by_its_application() -> None:
    visit = Visit(GITLAB)
    assert all(visit.passes("GET", "/-/collector/i?aid=1", address=f"192.0.2.{n % 9}") for n in range(100))
    assert not visit.passes("GET", "/-/collector/i?aid=1")
    assert visit.passes("GET", "/-/collector/i?aid=2")


# ── bypass, allowlist, dry run ───────────────────────────────────────────────────────────────────


def test_the_bypass_header_is_believed_when_it_is_exactly_1() -> None:
    visit = Visit(
        GITLAB + '[gitlab]\nbypass_header = "Gitlab-Bypass-Rate-Limiting"\n[gitlab.throttle_protected_paths]\nlimit = 0'
    )
    assert visit.passes("POST", "/users/sign_in", headers={"gitlab-bypass-rate-limiting": "1"})
    assert not visit.passes("POST", "/users/sign_in", headers={"gitlab-bypass-rate-limiting": "true"})
    assert not visit.passes("POST", "/users/sign_in")


def test_users_of_the_allowlist_are_not_counted_and_not_anonymous_either() -> None:
    limits = "".join(
        f"[gitlab.throttle_{w}_api]\nenabled = true\nlimit = 0\n" for w in ("authenticated", "unauthenticated")
    )
    visit = Visit(GITLAB + '[gitlab]\nuser_allowlist = [1, "53"]\n' + limits, identify=by_header)
    assert visit.passes("GET", "/api/v4/user", headers={"x-user": "1"})
    assert visit.passes("GET", "/api/v4/user", headers={"x-user": "53"})
    assert not visit.passes("GET", "/api/v4/user", headers={"x-user": "2"})


def test_a_dry_run_counts_and_lets_pass() -> None:
    visit = Visit(
        GITLAB
        + '[gitlab]\ndry_run = "throttle_unauthenticated_protected_paths"\n[gitlab.throttle_protected_paths]\nlimit = 0'
    )
    decision = visit.ask("POST", "/users/sign_in")
    assert decision.allowed
    assert [note.rule for note in decision.notes if note.shadow] == ["throttle_unauthenticated_protected_paths"]


def test_gitlabs_own_variables_are_heeded() -> None:
    given = {
        "GITLAB_THROTTLE_DRY_RUN": "*",
        "GITLAB_THROTTLE_BYPASS_HEADER": "X-Bypass",
        "GITLAB_THROTTLE_USER_ALLOWLIST": "1, 2",
    }
    rules = gitlab_rules(settings(GITLAB).gitlab, given)
    assert rules[0].name == "throttle_bypass_header"
    assert all(rule.shadow for rule in rules if isinstance(rule, Throttle))
    assert "user(1, 2)" in repr(next(r for r in rules if r.name == "throttle_authenticated_protected_paths_api").when)


def test_the_old_name_of_two_throttles_is_understood() -> None:
    on = "".join(f"[gitlab.throttle_unauthenticated_{w}]\nenabled = true\n" for w in ("api", "web"))
    rules = rules_of(settings(GITLAB + '[gitlab]\ndry_run = "throttle_unauthenticated"\n' + on))
    dry = [rule.name for rule in rules if isinstance(rule, Throttle) and rule.shadow]
    assert dry == ["throttle_unauthenticated_api", "throttle_unauthenticated_web"]


def test_a_dry_run_of_nothing_is_an_error() -> None:
    assert "which is no throttle of GitLab" in error(GITLAB + '[gitlab]\ndry_run = "throtle_authenticated_api"').message


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_refusals_carry_gitlabs_headers() -> None:
    visit = Visit(GITLAB + "[gitlab.throttle_unauthenticated_web]\nenabled = true\nlimit = 30\nperiod = 3600")
    for _ in range(31):
        visit.ask("GET", "/")
    fields = dict(visit.guard.refusal(visit.ask("GET", "/")).headers)
    assert fields["ratelimit-name"] == "throttle_unauthenticated_web"
    assert fields["ratelimit-limit"] == "1"
    assert fields["ratelimit-observed"] == "32"
    assert fields["ratelimit-remaining"] == "0"
    start = visit.clock.now - visit.clock.now % 3600
    assert fields["ratelimit-reset"] == f"{start + 3600:.0f}"


def test_the_text_can_be_changed() -> None:
    visit = Visit(GITLAB + '[gitlab]\nresponse_text = "Slow down"\n[gitlab.throttle_protected_paths]\nlimit = 0')
    assert visit.guard.refusal(visit.ask("POST", "/users")).body == b"Slow down\n"
