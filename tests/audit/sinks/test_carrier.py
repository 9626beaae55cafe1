"""Each sink is carried to in its own time: whoever fails or hangs keeps nobody waiting but itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag

import pytest

from stockade.audit.prove import newest_head
from stockade.audit.sinks.carrier import Carrier, Sink
from stockade.audit.sinks.carrying import carried, standings
from stockade.audit.sinks.parcels import Entries, Parcel, Segments, signed_size
from stockade.audit.sinks.position import Place
from stockade.audit.sinks.settings import SinkSettings
from stockade.audit.verify import verify
from stockade.errors import ConfigurationError, Refused, Unavailable
from tests.audit.conftest import Stage, event
from tests.audit.sinks.rigs import FileRig
from tests.servers.processes import wait_until


def unknown(reference: str) -> str:
    raise AssertionError(reference)


class Stubborn:
    """A sink that does what it is told to do wrong."""

    remark = ""

    def __init__(self, write: Callable[[Parcel], int]) -> None:
        self.tries = 0
        self._write = write

    def open(self, at: int) -> int:
        return at

    def write(self, parcel: Parcel) -> int:
        self.tries += 1
        return self._write(parcel)

    def close(self) -> None: ...


@contextmanager
def going(stage: Stage, state: Path, **sinks: Sink) -> Iterator[dict[str, Carrier]]:
    state.mkdir(exist_ok=True)
    carriers = {
        name: Carrier(
            name, sink, Entries(stage.path, time.monotonic), lambda: signed_size(stage.path), Place(state, name)
        )
        for name, sink in sinks.items()
    }
    for carrier in carriers.values():
        carrier.start()
    try:
        yield carriers
    finally:
        for carrier in carriers.values():
            carrier.stop(0.2)


def test_a_log_is_carried_into_a_file_octet_for_octet(filled: Stage, file_rig: FileRig) -> None:
    size = signed_size(filled.path)
    with going(filled, file_rig.path.parent / "state", copy=file_rig.sink()) as carriers:
        wait_until(lambda: carriers["copy"].position.next == size, "all entries")
    assert file_rig.received() == list(range(size))
    whole = b"".join(path.read_bytes() for path in sorted((filled.path / "segments").iterdir()))
    copied = file_rig.path.read_bytes().splitlines(keepends=True)
    assert b"".join(each for each in copied if not each.startswith(b'{"head"')) == whole
    heads = [json.loads(each)["head"] for each in copied if each.startswith(b'{"head"')]
    assert newest_head(filled.path)[1].decode() in heads


def test_one_that_hangs_and_one_that_raises_keep_nobody_waiting(
    filled: Stage, file_rig: FileRig, tmp_path: Path
) -> None:
    let_go, size = Flag(), signed_size(filled.path)

    def hang(parcel: Parcel) -> int:
        let_go.wait(60)
        return parcel.first

    def burst(parcel: Parcel) -> int:
        raise RuntimeError("a library's own mistake")

    hanging, raising, refusing = Stubborn(hang), Stubborn(burst), Stubborn(lambda _: refuse())

    def refuse() -> int:
        raise Refused("not you")

    state = tmp_path / "state"
    with going(filled, state, hanging=hanging, raising=raising, refusing=refusing, copy=file_rig.sink()) as carriers:
        wait_until(lambda: carriers["copy"].position.next == size, "the file")
        wait_until(lambda: bool(carriers["refusing"].position.error and carriers["raising"].position.error), "errors")
        shown = {each.name: each for each in standings(filled.path, state, time.time())}
        assert shown["copy"].behind == 0
        assert shown["refusing"].behind == size
        assert shown["refusing"].error == "not you"
        assert shown["refusing"].failing
        assert shown["raising"].error == "RuntimeError: a library's own mistake"
        assert carriers["hanging"].position.next == 0
        assert hanging.tries == 1
    let_go.set()


def test_what_was_carried_is_remembered_and_not_carried_again(filled: Stage, tmp_path: Path) -> None:
    taken = list[int]()

    def take(parcel: Parcel) -> int:
        taken.extend(number for number, _ in parcel.numbered)
        return parcel.end

    for _ in range(2):
        with going(filled, tmp_path / "state", store=Stubborn(take)) as carriers:
            wait_until(lambda: carriers["store"].position.next == signed_size(filled.path), "all entries")
    with filled.open() as log:
        log.append(event(9000))
    with going(filled, tmp_path / "state", store=Stubborn(take)) as carriers:
        wait_until(lambda: carriers["store"].position.next == signed_size(filled.path), "what was new")
    assert taken == list(range(signed_size(filled.path)))


def test_a_sink_that_has_more_than_the_log_tells_that_the_log_was_put_back(stage: Stage, file_rig: FileRig) -> None:
    with stage.open() as log:
        log.append(event(1))
    older = stage.copy("older")
    with stage.open() as log:
        log.append(event(2))
    state = file_rig.path.parent / "state"
    with going(stage, state, copy=file_rig.sink()) as carriers:
        wait_until(lambda: carriers["copy"].position.next == signed_size(stage.path), "all entries")
    stage.put_back(older)
    with going(stage, state, copy=file_rig.sink()) as carriers:
        wait_until(
            lambda: "the log was put back" in carriers["copy"].position.error or bool(carriers["copy"].position.error),
            "alarm",
        )
        assert "has 6 entries, and the log has 3" in carriers["copy"].position.error


def test_a_sink_that_asks_for_some_again_does_not_go_further_back_each_time(filled: Stage, tmp_path: Path) -> None:
    """As syslog does after a broken connection; when that breaks again and again, it must not end at the beginning."""
    opened, breaks = list[int](), iter([False, *([True] * 4)])

    class Forgetful(Stubborn):
        def open(self, at: int) -> int:
            opened.append(at)
            return max(0, at - 100)

    def take(parcel: Parcel) -> int:
        if next(breaks, False):
            raise Unavailable("cut off")
        return parcel.end

    size = signed_size(filled.path)
    with going(filled, tmp_path / "state", store=Forgetful(take)) as carriers:
        wait_until(lambda: carriers["store"].position.next == size, "all entries")
    for _ in range(2):
        with going(filled, tmp_path / "state", store=Forgetful(take)) as carriers:
            wait_until(lambda: bool(carriers["store"].position.error), "a break")
    assert opened[0] == 0
    assert set(opened[1:]) == {size}


def test_only_what_is_signed_is_carried(stage: Stage, file_rig: FileRig, tmp_path: Path) -> None:
    with stage.open() as log, going(stage, tmp_path / "state", copy=file_rig.sink()) as carriers:
        log.append(event(1))
        wait_until(lambda: carriers["copy"].position.next == 1, "the opening")
        assert signed_size(stage.path) == 1
        log.sign()
        wait_until(lambda: carriers["copy"].position.next == 2, "the event")


def test_a_position_that_is_damaged_is_refused_and_said(tmp_path: Path) -> None:
    (tmp_path / "copy.position").write_text('{"next": "no')
    with pytest.raises(ConfigurationError, match=r"copy\.position is damaged"):
        Place(tmp_path, "copy").read()


def test_segments_are_cut_with_all_that_belongs_to_them(filled: Stage, tmp_path: Path) -> None:
    """What they hold together is a log that verifies."""
    moment = 0.0
    cut, at, copy, parcels = Segments(filled.path, 60, lambda: moment), 0, tmp_path / "restored", 0

    def carry() -> None:
        nonlocal at, parcels
        while parcel := cut(at):
            parcels, at = parcels + 1, parcel.end
            for name, octets in parcel.files:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes(octets)
            (copy / "checkpoint").write_bytes(parcel.head)

    carry()
    assert parcels > 3
    report = verify(copy, filled.keys)
    assert report.head.size == at == signed_size(filled.path)
    assert report.segments == parcels
    with filled.open() as log:
        log.append(event(9000))
    carry()
    assert at < signed_size(filled.path)  # the segment that is open comes again when its time has come
    moment = 61
    carry()
    assert verify(copy, filled.keys).head.size == at == signed_size(filled.path)


def test_parcels_are_bounded(filled: Stage) -> None:
    cut = Entries(filled.path, time.monotonic)
    first = cut(0)
    assert first is not None
    assert (first.first, first.end, len(first.lines)) == (0, signed_size(filled.path), signed_size(filled.path))
    assert first.head
    again = cut(0)
    assert again is not None
    assert not again.head  # a head has the size of ten entries, and is not sent with each of them
    assert cut(first.end) is None


def test_settings_are_read_from_a_line(tmp_path: Path) -> None:
    read = SinkSettings.parse(
        "s3://vault/logs?retain=400d&endpoint=https://store.example:9000&access-key=env:AK&name=far"
    )
    assert (read.url, read.retain, read.endpoint) == ("s3://vault/logs", 400 * 86_400, "https://store.example:9000")
    assert (read.access_key, read.called) == ("env:AK", "far")
    assert SinkSettings.parse("https://x/?ca=/etc/a+b%26c.pem").ca == Path("/etc/a+b&c.pem")
    assert SinkSettings.parse("file:///var/log/copy.jsonl").called == "file-var-log-copy.jsonl"
    for wrong, said in [
        ("ftp://x", "no sink begins with ftp"),
        ("https://me:secret@x/", "more than an address"),
        ("https://x/?tokn=env:T", "no option 'tokn'"),
        ("https://x/?deadline=soon", "not a number"),
        ("https://x/?deadline=0", "not between"),
    ]:
        with pytest.raises(ConfigurationError, match=said):
            SinkSettings.parse(wrong)


def test_two_sinks_of_one_name_and_a_state_that_cannot_be_made_are_refused(filled: Stage, tmp_path: Path) -> None:
    one = SinkSettings(url=f"file://{tmp_path}/a")
    with (
        pytest.raises(ConfigurationError, match="two sinks are called"),
        carried(filled.path, tmp_path, [one, one], unknown),
    ):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Unavailable, match="cannot be made"),
        carried(filled.path, tmp_path / "file" / "x", [one], unknown),
    ):
        pass


def test_two_carriers_do_not_share_their_positions(filled: Stage, file_rig: FileRig, tmp_path: Path) -> None:
    one, state = SinkSettings(url=f"file://{file_rig.path}"), tmp_path / "state"
    with (
        carried(filled.path, state, [one], unknown),
        pytest.raises(Unavailable, match="another process carries from"),
        carried(filled.path, state, [one], unknown),
    ):
        pass
    with carried(filled.path, state, [one], unknown) as (carrier,):
        wait_until(lambda: carrier.position.next == signed_size(filled.path), "all entries")
