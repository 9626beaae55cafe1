"""Files are recognised by what is in them, packed or not; DuckDB's own reading says the same as the reader of lines."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.errors import ConfigurationError
from stockade.host.traffic import reading
from stockade.host.traffic.reading import Source, read
from stockade.host.traffic.table import Table, table
from stockade.lines.stamps import Dating
from tests.traffic.test_formats import ACCESS, AWS, NFTABLES, TCPDUMP, ZEEK_TSV

DATING = Dating(lambda: 1_700_000_500.0)
ZEEK_JSON = """\
{"ts":1700000000.5,"id.orig_h":"10.0.0.5","id.orig_p":40000,"id.resp_h":"192.0.2.9","id.resp_p":443,"proto":"tcp","service":"ssl","duration":1.5,"orig_bytes":100,"resp_bytes":2000,"conn_state":"SF","tunnel_parents":["x"]}
{"ts":"2023-11-14T22:13:21Z","id_orig_h":"10.0.0.5","id_orig_p":99999,"id_resp_h":"192.0.2.9","id_resp_p":444,"proto":"tcp","orig_bytes":-5,"conn_state":"S0"}
{"ts":1700000002,"id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.53","id.resp_p":53,"query":"a.example","qtype_name":"A"}
{"ts":1700000003,"id.orig_h":"10.0.0.5"
{"ts":-4,"id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.53"}
{"ts":1700000004,"id.orig_h":"10.0.0.5","id.resp_h":"192.0.2.9","duration":1e300}
{"ts":1700000005,"id.orig_h":"10.0.0.5","id.resp_h":"192.0.2.9","duration":-4}
{"ts":1700200000,"id.orig_h":"10.0.0.5","id.resp_h":"192.0.2.9"}
"""


@pytest.fixture
def held() -> Iterator[Table]:
    with table(memory="100MB") as made:
        yield made


def rows(held: Table) -> list[tuple[object, ...]]:
    return held.run("SELECT * FROM flow ORDER BY t, src")


@pytest.mark.parametrize("text", [ZEEK_TSV + "\n", ZEEK_JSON], ids=["tabs", "json"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_the_quick_way_and_the_slow_way_say_the_same(
    tmp_path: Path, text: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "conn*[1].log"  # a name that DuckDB would take for a pattern
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    with table(memory="100MB") as quick, table(memory="100MB") as slow:
        one = read(quick, file, DATING)
        monkeypatch.setattr(reading, "_quickly", lambda *_args, **_kinds: None)
        other = read(slow, file, DATING)
        assert rows(quick) == rows(slow)
        assert one == other
        assert one.records + one.damaged == (3 if text.startswith("#") else 8)
        assert one.damaged > 0
        assert quick.whole
        assert slow.whole


@pytest.mark.parametrize(
    ("text", "name", "records"),
    [(ACCESS, "access", 1), (AWS, "aws", 2), (NFTABLES, "nftables", 1), (TCPDUMP, "tcpdump", 2)],
)
def test_a_file_is_recognised_by_its_content(tmp_path: Path, held: Table, text: str, name: str, records: int) -> None:
    file = tmp_path / "traffic"
    file.write_bytes(gzip.compress(f"{text}\n".encode()))
    assert read(held, file, DATING) == Source("traffic", name, records, 0)


def test_two_logs_in_one_file_are_told_apart_by_their_headings(tmp_path: Path, held: Table) -> None:
    dns = "#fields\tts\tid.orig_h\tid.resp_h\tquery\n" + "1700000003.0\t10.0.0.5\t10.0.0.53\tx.example\n" * 6
    file = tmp_path / "both.log"
    file.write_text(f"{ZEEK_TSV}\n{dns}")
    assert read(held, file, DATING) == Source("both.log", "zeek-tsv", 8, 1)
    assert held.one("SELECT count(*) FROM flow WHERE asked = 'x.example'") == (6,)


def test_a_packed_file_that_ends_too_soon_gives_what_there_is(tmp_path: Path, held: Table) -> None:
    file = tmp_path / "access.log.gz"
    lines = [ACCESS.replace("9 - bob", f"{number % 250} - bob") for number in range(20_000)]
    file.write_bytes(gzip.compress("\n".join(lines).encode())[:-500])
    found = read(held, file, DATING)
    assert 1_000 < found.records < 20_000
    assert found.damaged in {1, 2}


def test_what_was_recorded_in_the_future_is_damaged_and_does_not_move_the_time_that_is_looked_at(
    tmp_path: Path, held: Table
) -> None:
    file = tmp_path / "access.log"
    file.write_text(f"{ACCESS}\n{ACCESS.replace('/2023:', '/2033:')}\n")
    assert read(held, file, DATING) == Source("access.log", "access", 1, 1)
    assert held.one("SELECT max(t) FROM flow")[0] < 1_700_100_000


def test_a_pipe_is_refused_and_not_read_to_half(tmp_path: Path, held: Table) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="no file but a pipe") as refusal:
        read(held, tmp_path / "pipe", DATING)
    assert "to a file first" in refusal.value.remedy


def test_no_more_is_read_than_is_allowed(tmp_path: Path, held: Table) -> None:
    file = tmp_path / "access.log"
    file.write_text(f"{ACCESS}\n" * 50)
    assert read(held, file, DATING, most=10) == Source("access.log", "access", 10, 0, more=True)


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", "", "is empty"),
        (b"what is this\n", "", "no format that is known"),
        (b"\x0a\x0d\x0d\x0a....", "", "pcapng"),
        (b"x\n", "netflow", "no format 'netflow'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, held: Table, content: bytes, form: str, said: str
) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as refusal:
        read(held, file, DATING, format=form)
    assert refusal.value.remedy


def test_the_format_that_is_named_overrules(tmp_path: Path, held: Table) -> None:
    file = tmp_path / "f"
    file.write_text(f"{ACCESS}\n")
    assert read(held, file, DATING, format="tcpdump") == Source("f", "tcpdump", 0, 1)
