"""An entry proves itself in a file, a log that it continues an older one, and a head can be read aloud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import PrivateKey
from stockade.audit.merkle import check_consistency
from stockade.audit.proof import Proof
from stockade.audit.prove import newest_head, prove, prove_consistency
from stockade.audit.record import parse
from stockade.audit.words import heard, said, spoken, understood
from stockade.errors import ConfigurationError, Tampered
from tests.audit.conftest import NOW, ORIGIN, Stage, event

# ── inclusion ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("index", [0, 255, 256, 511, 512, 708])
def test_any_entry_proves_itself_with_nothing_but_a_file_and_a_key(filled: Stage, index: int) -> None:
    text = prove(filled.path, index).text
    proof = Proof.parse(text.encode())
    assert proof.text == text
    assert proof.check(filled.keys).size == 709
    assert parse(proof.entry).index == proof.index == index


def test_a_proof_has_the_lines_of_the_specification(filled: Stage) -> None:
    lines = prove(filled.path, 7).text.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2] == "index 7"
    empty = lines.index("")
    assert len(lines[3:empty]) == 10
    assert lines[empty + 1 : empty + 3] == [ORIGIN, "709"]


def test_a_proof_that_was_changed_anywhere_is_refused(filled: Stage) -> None:
    text = prove(filled.path, 7).text
    for old, new in (("index 7", "index 8"), ("\n709\n", "\n710\n"), ("extra ey", "extra eY"), ("@v1", "@v2")):
        with pytest.raises(Tampered):
            Proof.parse(text.replace(old, new).encode()).check(filled.keys)
    cut = text.split("\n")
    del cut[4]
    with pytest.raises(Tampered):
        Proof.parse("\n".join(cut).encode()).check(filled.keys)


def test_a_proof_counts_for_those_keys_only_that_have_signed_it(filled: Stage) -> None:
    proof = prove(filled.path, 7)
    strangers = [PrivateKey.generate(ORIGIN).public_key]
    for keys in ([], strangers, filled.keys + strangers):
        with pytest.raises(Tampered, match="not signed with the keys"):
            proof.check(keys)


@given(st.binary(max_size=200) | st.text(alphabet="c2sp.org/tlog-proof@v1extraindex 0123=\n").map(str.encode))
def test_reading_anything_at_all_ends_in_a_proof_or_in_tampered(raw: bytes) -> None:
    for each in (raw, b"c2sp.org/tlog-proof@v1\nextra \n" + raw):
        try:
            proof = Proof.parse(each)
        except Tampered:
            continue
        assert proof.index >= 0


def test_an_entry_that_was_changed_is_not_proven(filled: Stage) -> None:
    lines = filled.lines(0)
    lines[7] = lines[7].replace(b"alice", b"mallo")
    filled.rewrite(lines, 0)
    with pytest.raises(Tampered, match="entry 7 does not lead"):
        prove(filled.path, 7)
    prove(filled.path, 8)


def test_what_is_not_signed_is_not_proven(filled: Stage) -> None:
    with pytest.raises(ConfigurationError, match="709 signed entries"):
        prove(filled.path, 709)
    with pytest.raises(ConfigurationError, match="there is no log"):
        prove(filled.path / "elsewhere", 0)


# ── consistency ──────────────────────────────────────────────────────────────────────────────────


def test_a_log_shows_that_it_continues_an_older_head(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    old, _ = newest_head(stage.path)
    with stage.open() as log:
        log.append(event(2))
    head, hashes = prove_consistency(stage.path, old)
    check_consistency(old.size, head.size, old.root, head.root, hashes)
    with pytest.raises(Tampered, match="does not continue the head of 3 entries"):
        prove_consistency(stage.path, Checkpoint(ORIGIN, 3, bytes(32)))
    with pytest.raises(Tampered, match="once had 7 entries and now has 6"):
        prove_consistency(stage.path, Checkpoint(ORIGIN, 7, bytes(32)))
    with pytest.raises(ConfigurationError, match="a head of elsewhere"):
        prove_consistency(stage.path, Checkpoint("elsewhere", 3, bytes(32)))


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_the_published_ones() -> None:
    """The examples of arXiv:0901.4016."""
    for address, words in {
        "127.0.0.1": "lusab babad",
        "63.84.220.193": "gutih tugad",
        "140.98.193.141": "mudof sakat",
        "64.255.6.200": "haguz biram",
    }.items():
        assert " ".join(spoken(bytes(map(int, address.split("."))))) == words


@given(st.binary(min_size=32, max_size=32), st.integers(0, 1 << 40))
def test_a_head_that_was_read_aloud_is_understood(root: bytes, size: int) -> None:
    head = Checkpoint(ORIGIN, size, root)
    assert understood(said(head)) == head
    origin, number, *words = said(head).splitlines()
    shouted = [" " + line.upper().replace(" ", "  ").replace("CHECK", "check") for line in words]
    assert understood("\n".join([origin, number, *shouted])) == head


@given(st.binary(min_size=32, max_size=32), st.data())
def test_a_wrong_letter_is_noticed(root: bytes, data: st.DataObject) -> None:
    text = said(Checkpoint(ORIGIN, 7, root))
    start = len(ORIGIN) + 3
    at = data.draw(st.sampled_from([n for n, c in enumerate(text) if n >= start and c.isalpha()]))
    letter = data.draw(st.sampled_from([c for c in "abcdefghijklmnopqrstuvwxyz" if c != text[at]]))
    wrong = text[:at] + letter + text[at + 1 :]
    try:
        assert understood(wrong).root == root
    except ConfigurationError:
        return
    pytest.fail("a wrong letter was believed")


def test_a_wrong_word_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'lusax' is no word"):
        heard(["lusab", "lusax"])
    with pytest.raises(ConfigurationError, match="not a head"):
        understood("nonsense")
    with pytest.raises(ConfigurationError, match="does not fit"):
        understood(said(Checkpoint(ORIGIN, 7, bytes(32))).replace("\n7\n", "\n8\n"))


def test_the_moment_of_recording_is_in_the_proof(filled: Stage) -> None:
    assert parse(prove(filled.path, 1).entry).recorded == NOW
