"""What to take is data: read with clear errors, told on a page made from it, and UAC's is understood."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stockade.errors import ConfigurationError
from stockade.host.evidence.artifact import Artifact, Order, Take, artifact_of
from stockade.host.evidence.pack import chosen, own_pack, read_file
from stockade.host.evidence.readers import READERS
from stockade.host.evidence.reference import reference
from stockade.host.evidence.uac import uac_artifacts
from stockade.host.evidence.walking import Place
from tests.host.evidence.taken import Memory, lines_of, octets_of, taken
from tests.source_tree import ROOT

GOOD: dict[str, Any] = {"order": "logs", "what": "A log", "why": "It tells.", "files": ["/var/log/x"]}


def test_the_page_is_made_from_the_artifacts() -> None:
    assert (ROOT / "docs/reference/artifacts.md").read_text() == reference(), (
        "python -m stockade.host.evidence.reference docs/reference/artifacts.md"
    )


def octets_of_all(artifacts: list[Artifact], place: Place) -> bytes:
    store = Memory()
    taken(store, place, artifacts)
    return b"".join(octets_of(store).values())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"order": "soon"}, "'soon' is not a valid Order"),
    ({"what": ""}, "what is missing"),
    ({"command": ["ps"]}, "exactly one of files, command and reader says where from, not files and command"),
    ({"files": []}, "not none"),
    ({"files": ["var/log"]}, "'var/log' does not begin with / or ~/"),
    ({"files": "/var/log"}, "files should be a list of texts"),
    ({"glob": ["/x"]}, "there is no 'glob'; there are command, depth"),
    ({"files": [], "reader": "minds"}, "no reader is called 'minds'; there are clock"),
    ({"kinds": ["x"]}, "kinds are letters of b, c, d"),
    ({"modes": ["99"]}, "invalid literal"),
    ({"limits": {"each": "many"}}, "each is 'many', and should be like 16 MiB"),
    ({"limits": {"count": 0}}, "count is 0, and should be a number above zero"),
    ({"limits": {"hours": 1}}, "limits are each, together, count and seconds"),
    ({"take": "all"}, "'all' is not a valid Take"),
]


@pytest.mark.parametrize(("said", "error"), WRONG, ids=[error for _, error in WRONG])
def test_what_is_wrong_with_an_artifact_is_said(said: dict[str, Any], error: str) -> None:
    assert artifact_of("log", GOOD, frozenset(READERS)).limits.each == 32 << 20
    with pytest.raises(ConfigurationError, match="artifact log: ") as caught:
        artifact_of("log", {**GOOD, **said}, frozenset(READERS))
    assert error in caught.value.message


def test_artifacts_are_chosen_by_name_and_by_turn() -> None:
    known = own_pack()
    assert {each.order for each in chosen(known, ["processes", "clock"])} == {Order.PROCESSES, Order.CLOCK}
    assert [each.id for each in chosen(known, ["logs-files"])] == ["logs-files"]
    with pytest.raises(ConfigurationError, match="no artifact is called 'logz'"):
        chosen(known, ["logz"])


# ── UAC ──────────────────────────────────────────────────────────────────────────────────────────

UAC = '''
version: 2.0   # a comment
condition: command_exists "sh"
output_directory: /live_response/process
artifacts:
  -
    description: What a shell says.
    supported_os: [all]
    collector: command
    command: echo "hello" | tr a-z A-Z; echo oops >&2
    redirect_stderr_to_stdout: true
    output_file: hello.txt
  -
    description: Never here.
    supported_os: [macos, freebsd]
    collector: command
    command: sw_vers
    output_file: sw_vers.txt
  -
    description: Keys of everybody.
    supported_os: [linux]
    collector: file
    path: /%user_home%/.ssh
    name_pattern: ["authorized_keys*"]
    exclude_nologin_users: true
  -
    description: Hashes of small files of a kind.
    supported_os: [linux, aix]
    collector: hash
    path: /etc
    path_pattern: ["*/cron.d/*"]
    file_type: [f]
    max_depth: 3
    max_file_size: 1000
    output_file: hashes
  -
    description: For every line.
    supported_os: [linux]
    collector: command
    foreach: """
      printf 'one\\ntwo\\n$(touch /tmp/pwned)\\n'
    """
    command: echo "it is %line%"
    output_file: %line%.txt
  -
    description: Not on this one.
    supported_os: [linux]
    collector: command
    condition: ! command_exists "sh"
    command: echo never
    output_file: never.txt
'''


def test_artifacts_for_uac_are_taken_as_they_mean(place: Place) -> None:
    wanted = uac_artifacts("try", UAC)
    assert [each.what for each in wanted][:2] == ["What a shell says.", "Keys of everybody."]
    assert {each.order for each in wanted[:1]} == {Order.PROCESSES}
    assert wanted[2].take is Take.HASHES
    store = Memory()
    taken(store, place, wanted)
    octets, lines = octets_of(store), lines_of(store)
    said = {what: each for what, each in octets.items() if lines[what]["artifact"] == "uac/try/1"}
    assert list(said.values()) == [b"HELLO\noops\n"]
    assert octets["/home/ann/.ssh/authorized_keys"] == b"ssh-ed25519 BBBB ann\n"
    assert "/home/ann/.ssh/id_ed25519" not in octets
    assert [line.split(b'"')[3] for line in octets["hashes of /etc /etc/**"].splitlines()] == [b"/etc/cron.d/updater"]
    each_line = [octets[what] for what, line in lines.items() if line["artifact"] == "uac/try/5"]
    assert each_line == [b"it is one\n", b"it is two\n", b""], "a line that could be a command is not one"
    assert not Path("/tmp/pwned").exists()
    (never,) = (line for line in lines.values() if line["artifact"] == "uac/try/6")
    assert never["facts"]["absent"] == "its condition does not hold here"
    nowhere = uac_artifacts("try", UAC.replace('command_exists "sh"', 'command_exists "no-such-program"', 1))
    assert not octets_of_all(nowhere, place), "the condition above all of them counts for each"


def uac(*lines: str, head: str = "version: 1.0") -> str:
    return "\n".join([head, "artifacts:", "  -", *(f"    {line}" for line in lines)]) + "\n"


LINUX = "supported_os: [linux]"
WRONG_UAC = {
    uac(head=""): "it has no version",
    "version: 1.0\n": "it has no artifacts",
    uac("description: x", head="version: 1.0\nmodifier: true"): "it would change the machine",
    uac("colour: red"): "line 4 says 'colour', which UAC does not know",
    uac(head="version: 1.0\nversion: 2.0"): "line 2 says version again",
    uac("supported_os: linux"): "supported_os should be a list in brackets",
    uac(LINUX, "collector: file", "path: /x"): "it has no description",
    uac('command: """', "  ps"): "the quotes of line 4 do not end",
    uac(LINUX, "description: x", "collector: file", "path: x"): "its path is 'x'",
    uac(LINUX, "description: x", "collector: mind"): "there is no collector 'mind'",
    uac(LINUX, "description: x", "collector: command", "command: ps %user%"): "its command holds %user%",
}


@pytest.mark.parametrize("text", WRONG_UAC, ids=WRONG_UAC.values())
def test_what_cannot_be_followed_in_a_file_for_uac_is_said(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        uac_artifacts("try", text)
    assert WRONG_UAC[text] in caught.value.message


@given(some.lists(some.sampled_from([*UAC.splitlines(keepends=True), "\0", '"""\n', "- -\n", ": :\n"]), max_size=30))
def test_whatever_a_file_for_uac_holds_it_is_read_or_refused(lines: list[str]) -> None:
    with suppress(ConfigurationError):
        assert all(each.what for each in uac_artifacts("try", "".join(lines)))


def test_a_file_of_either_kind_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('order = "logs"\nwhat = "Mine"\nwhy = "So."\nfiles = ["/srv/x"]\n')
    (tmp_path / "theirs.yaml").write_text(UAC)
    (tmp_path / "bad.toml").write_text("order = ")
    assert [each.id for each in read_file(tmp_path / "mine.toml")] == ["mine"]
    assert next(each.id for each in read_file(tmp_path / "theirs.yaml")) == "uac/theirs/1"
    with pytest.raises(ConfigurationError, match=r"artifact bad\.toml"):
        read_file(tmp_path / "bad.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_file(tmp_path / "none.toml")
