"""A backup is called clean only by what was looked at in it, however its list was cut, forged, or made for else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.host.backups.dated import dated, moment
from stockade.host.backups.listed import BackedUp, Backup, archives, files, footer, head_of, header, line_of, names_in
from stockade.host.backups.reading import backups, contents
from stockade.respond.judging import Evil, Indicator, Judged, Verdict, judge
from stockade.respond.rebuild import choice, judged, undoubted

DAY = 86_400.0
TAINTED, CLEAN, UNKNOWN = Verdict.TAINTED, Verdict.CLEAN, Verdict.UNKNOWN


def file(path: str, **told: object) -> BackedUp:
    return BackedUp(path, 1, **({"sha256": "00"} | told))  # type: ignore[arg-type]


def look(*found: BackedUp, by: str = "", baseline: dict[str, str] | None = None, taken: float = DAY) -> Judged:
    traces = tuple(Indicator(*each.split(":", 1)) for each in by.split())
    return judge(Backup("a", "a", taken, "tar"), found, Evil(None, traces), baseline or {})


@pytest.mark.parametrize(
    ("found", "by", "says"),
    [
        (file("/usr/x"), "", "nothing to compare it with"),
        (file("/usr/x"), "account:eve", "no list of accounts"),
        (file("/etc/passwd", names=None), "account:eve", "not told which accounts"),
        (file("/home/b/.ssh/authorized_keys", names=None), "key:AAAA", "not told which accounts and keys"),
        (file("/srv/data"), "path:/usr/lib/x.so", "nothing of the folders is in it"),
        (file("/tmp/a"), "path:/tmp/.x", "nothing of the folders is in it"),  # what is fleeting is never all there
    ],
)
def test_a_trace_that_cannot_be_looked_for_is_a_doubt(found: BackedUp, by: str, says: str) -> None:
    told = look(found, by=by)
    assert (told.verdict, says in told.why) == (UNKNOWN, True), told


def test_one_file_without_a_digest_is_enough_to_doubt_where_digests_were_asked_for() -> None:
    assert look(file("/usr/a"), file("/usr/b", sha256=""), by="sha256:ee").verdict is UNKNOWN
    assert look(file("/usr/a"), BackedUp("/usr/b", 0, plain=False), by="sha256:ee").verdict is CLEAN


@pytest.mark.parametrize(
    "found",
    [
        BackedUp("/usr/lib/x.so", 0, plain=False),  # a link, a socket, or a folder
        file("/usr/lib/x.so/hidden"),
        file("/mnt/snapshot/usr/lib/x.so"),
        file("/localhost/usr/lib/x.so"),
    ],
)
def test_a_trace_is_found_whatever_it_is_and_wherever_the_root_is(found: BackedUp) -> None:
    assert look(found, by="path:/usr/lib/x.so").verdict is TAINTED


def test_what_is_new_where_something_runs_is_a_doubt_beside_a_baseline_and_what_grows_by_itself_is_not() -> None:
    baseline = {"/usr/bin/ssh": "00"}
    ssh = file("/usr/bin/ssh")
    assert look(ssh, file("/etc/cron.d/x"), baseline=baseline).files == ("/etc/cron.d/x",)
    assert look(ssh, file("/opt/notes"), file("/var/lib/app.db"), baseline=baseline).verdict is CLEAN
    assert "none of the files of the baseline" in look(file("/etc/hosts"), baseline=baseline).why


def test_files_from_after_a_backup_was_taken_show_that_its_time_is_not_right() -> None:
    late = [file(f"/usr/{each}", mtime=3 * DAY) for each in range(3)]
    assert look(*late, by="path:/usr/x").verdict is UNKNOWN
    assert look(*late, by="path:/usr/x", taken=2.5 * DAY).verdict is CLEAN
    assert look(*late[:2], by="path:/usr/x").verdict is CLEAN, "one or two may be a mistake"


# ── lists that are not what they seem ────────────────────────────────────────────────────────────


def test_a_list_that_was_cut_or_has_a_line_that_is_none_is_not_read_as_whole(tmp_path: Path) -> None:
    lines = [header("a", 1.0), line_of(file("/etc/hosts")), line_of(file("/etc/passwd", names=("account:eve",)))]
    assert len(list(files("manifest", [*lines, footer(2)]))) == 2
    for cut in (lines[:2], [*lines[:2], '{"path": "/etc/pas'], [*lines[:2], "\n", footer(1)]):
        with pytest.raises(OSError, match="its list"):
            list(files("manifest", cut))


@pytest.mark.parametrize(
    "line",
    ['{"path": "/a", "size": NaN}', '{"path": "/a", "size": 1e999}', '{"path": 7, "mtime": Infinity, "mode": [1]}',
     '{"path": "/a", "names": {"x": 1}, "type": {}}', '{"path": "/\\ud800", "mtime": "0001-01-01"}'],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["manifest", "borg", "restic"])
def test_a_line_that_somebody_made_up_stops_nobody(kind: str, line: str) -> None:
    (found,) = files(kind, [line, footer(1)])
    assert (found.size, found.mtime) == (0, None)


FIELDS = st.sampled_from(["archives", "name", "start", "time", "end", "format", "path", "type", "taken"])
LEAVES = st.none() | st.booleans() | st.floats() | st.sampled_from(["", "2026-11-20", "9999-12-31T23:59:59.9"])
JSON = st.recursive(LEAVES, lambda each: st.lists(each) | st.dictionaries(FIELDS, each), max_leaves=8)


@given(JSON)
def test_whatever_a_list_of_archives_holds_its_times_are_times(told: object) -> None:
    for _, taken, spread, _ in archives(json.dumps(told)):
        assert taken is None or time.localtime(taken)
        assert spread >= 0
    head_of(json.dumps(told))


def test_accounts_behind_very_many_others_and_keys_behind_a_decoy_are_seen(tmp_path: Path) -> None:
    root = tmp_path / "2026-11-20"
    (root / "etc").mkdir(parents=True)
    many = "".join(f"user{each}:x:{each}:0::/home/user{each}:/bin/sh\n" for each in range(40_000))
    (root / "etc/passwd").write_text(many + "eve:x:0:0::/:/bin/sh\n")
    (backup,) = backups([str(tmp_path)])
    found = judge(backup, contents(backup, None), Evil(None, (Indicator("account", "eve"),)), {})
    assert found.verdict is TAINTED
    lines = [line_of(each) for each in contents(backup, None)]
    listed = judge(
        backup, files("manifest", [*lines, footer(len(lines))]), Evil(None, (Indicator("account", "eve"),)), {}
    )
    assert listed.verdict is TAINTED
    key = "AAAA" + "C" * 40
    decoy = f'environment="A=AAAA{"D" * 30}" ssh-ed25519 {key} x'
    assert f"key:{key}" in names_in("/home/bob/.ssh/authorized_keys", decoy)


# ── times ────────────────────────────────────────────────────────────────────────────────────────


def test_a_time_without_a_zone_is_local_time_as_borg_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert moment("2026-11-20T12:00:00.000000") == moment("2026-11-20T03:00:00Z")
        assert dated("web1-2026-11-20", 0.0) == (moment("2026-11-19T15:00:00Z"), DAY - 1)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_day_is_not_a_moment_and_what_may_have_been_taken_when_the_intruder_was_in_is_not_opened() -> None:
    noon = moment("2026-11-20T12:00:00Z") or 0.0
    assert dated("web1-2026-11-20.tar", noon) == (noon, 0.0)
    day, spread = dated("web1-2026-11-20.tar", noon + 9 * DAY)
    (found,) = judged([Backup("a", "a", day, "tar", spread)], Evil(noon), lambda each: Judged(each, CLEAN, "looked"))
    assert (found.verdict, found.opened) == (TAINTED, False)


# ── all of them, beside a scan of each ───────────────────────────────────────────────────────────

SOME = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([CLEAN, UNKNOWN])), max_size=24)


@given(SOME, st.integers(0, 7), st.one_of(st.none(), st.integers(0, 7)), st.randoms())
def test_it_answers_as_a_scan_of_all_of_them_does_whatever_their_order_and_times(
    given_: list[tuple[int, Verdict]], evil_from: int, first: int | None, chance: object
) -> None:
    """Several of the same moment, some that cannot be compared, handed in without order; evil is there to stay."""
    verdicts = {number: TAINTED if day >= evil_from else verdict for number, (day, verdict) in enumerate(given_)}
    there = [Backup(str(number), "", day * DAY, "tar") for number, (day, _) in enumerate(given_)]
    chance.shuffle(there)  # type: ignore[attr-defined]
    seen = list[str]()

    def opened(each: Backup) -> Judged:
        seen.append(each.name)
        return Judged(each, verdicts[int(each.name)], "looked")

    found = judged(there, Evil(None if first is None else first * DAY), opened)
    clean = [day for number, (day, _) in enumerate(given_)
             if verdicts[number] is CLEAN and (first is None or day < first)]  # fmt: skip
    chosen = choice(found)
    assert (chosen.backup.taken if chosen else None) == (max(clean) * DAY if clean else None)
    assert chosen is None or verdicts[int(chosen.backup.name)] is CLEAN
    assert len(seen) == len(set(seen))
    assert {each.backup.name for each in found} == {each.name for each in there}


def test_one_that_is_clean_and_was_taken_with_a_tainted_one_is_not_chosen() -> None:
    pair = [Backup("whole", "", 2 * DAY, "tar"), Backup("data", "", 2 * DAY, "tar"), Backup("old", "", DAY, "tar")]
    for order in (pair, pair[::-1]):
        found = judged(order, Evil(), lambda e: Judged(e, TAINTED if e.name == "whole" else CLEAN, ""))
        chosen = choice(found)
        assert chosen is not None
        assert chosen.backup.name == "old"


def test_evil_in_all_of_them_leaves_nothing_and_doubts_leave_the_newest_of_them() -> None:
    def of(verdict: Verdict) -> Iterator[tuple[Judged, ...]]:
        yield judged([Backup("a", "", DAY, "tar"), Backup("b", "", 2 * DAY, "tar")], Evil(),
                     lambda each: Judged(each, verdict, ""))  # fmt: skip

    for tainted, unknown in zip(of(TAINTED), of(UNKNOWN), strict=True):
        assert (choice(tainted), undoubted(tainted), choice(unknown)) == (None, None, None)
        doubted = undoubted(unknown)
        assert doubted is not None
        assert doubted.backup.name == "b"
    assert judged([], Evil(), lambda each: Judged(each, CLEAN, "")) == ()


def test_what_was_looked_at_is_said_and_what_could_not_be() -> None:
    assert look(file("/usr/a"), by="path:/usr/x").why == "1 file compared with 1 trace"
    told = look(file("/usr/a"), by="path:/usr/x path:/tmp/.y")
    assert told.why.startswith("1 file compared with 1 of 2 traces; not looked for")
