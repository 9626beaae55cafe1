"""Records of every origin become the same flow; what is damaged is refused, and nothing else is lost by it."""

# ruff: noqa: E501  lines as programs write them

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.formats import FORMATS, pcap, recognised
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating

NOW = 1_700_000_500.0
DATING = Dating(lambda: NOW)
ZEEK_TSV = """\
#separator \\x09
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state
1700000000.5\tC1\t10.0.0.5\t40000\t192.0.2.9\t443\ttcp\tssl\t1.5\t100\t2000\tSF
1700000001.5\tC2\t10.0.0.5\t40001\t192.0.2.9\t444\ttcp\t-\t-\t-\t-\tS0
half a line
#close\t2023-11-14-22-14-00"""
CONNTRACK_TABLE = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=192.0.2.9 sport=40000 dport=443 packets=9 bytes=100 "
    "src=192.0.2.9 dst=10.0.0.5 sport=443 dport=40000 packets=7 bytes=2000 [ASSURED] mark=0 use=1"
)
CONNTRACK_EVENTS = """\
[1700000000.500000]\t    [NEW] tcp      6 120 SYN_SENT src=10.0.0.5 dst=192.0.2.9 sport=40000 dport=443 [UNREPLIED] src=192.0.2.9 dst=10.0.0.5 sport=443 dport=40000
[1700000000.600000]\t [UPDATE] tcp      6 60 SYN_RECV src=10.0.0.5 dst=192.0.2.9 sport=40000 dport=443 src=192.0.2.9 dst=10.0.0.5 sport=443 dport=40000
[1700000000.700000]\t [UPDATE] tcp      6 432000 ESTABLISHED src=10.0.0.5 dst=192.0.2.9 sport=40000 dport=443 src=192.0.2.9 dst=10.0.0.5 sport=443 dport=40000
[1700000001.000000]\t    [NEW] udp      17 30 src=10.0.0.5 dst=10.0.0.53 sport=5353 dport=53 [UNREPLIED] src=10.0.0.53 dst=10.0.0.5 sport=53 dport=5353
[1700000002.000000]\t[DESTROY] tcp      6 src=10.0.0.5 dst=192.0.2.9 sport=40000 dport=443 packets=9 bytes=100 src=192.0.2.9 dst=10.0.0.5 sport=443 dport=40000 packets=7 bytes=2000"""
NFTABLES = (
    "Nov 14 22:13:20 web kernel: [  12.5] stockade drop: IN=eth0 OUT= MAC=02:42 SRC=203.0.113.9 DST=10.0.0.5 LEN=60 TOS=0x00 "
    "TTL=50 ID=1 DF PROTO=TCP SPT=40000 DPT=22 WINDOW=1 SYN URGP=0"
)
AWS = """\
2 123456789010 eni-1235b8ca123456789 172.31.16.139 192.0.2.9 40000 443 6 20 4249 1700000000 1700000060 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 192.0.2.9 172.31.16.139 443 40000 6 18 90000 1700000000 1700000060 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 - - - - - - - 1700000060 1700000120 - NODATA"""
AWS_NAMED = """\
srcaddr dstaddr srcport dstport protocol bytes start end action tcp-flags
192.0.2.9 172.31.16.139 8443 9000 6 60 1700000000 1700000060 REJECT 2"""
GCP = (
    '{"jsonPayload": {"connection": {"src_ip": "10.0.0.5", "src_port": 40000, "dest_ip": "192.0.2.9", "dest_port": 443, '
    '"protocol": 6}, "bytes_sent": "100", "packets_sent": "9", "reporter": "SRC", '
    '"start_time": "2023-11-14T22:13:20.123456789Z", "end_time": "2023-11-14T22:13:22Z"}}'
)
TCPDUMP = """\
1700000000.123456 IP 10.0.0.5.40000 > 192.0.2.9.443: Flags [S], seq 1, win 64240, length 0
1700000000.223456 IP 192.0.2.9.443 > 10.0.0.5.40000: Flags [S.], seq 1, ack 2, win 64240, length 0
1700000001.123456 IP 10.0.0.5.40000 > 192.0.2.9.443: Flags [P.], seq 1:101, ack 1, win 502, length 100
1700000002.123456 ARP, Request who-has 10.0.0.1 tell 10.0.0.5, length 28
1700000003.123456 IP6 2001:db8::5.5000 > 2001:db8::53.53: 1234+ [1au] TXT? x.example.org. (40)"""
ACCESS = '203.0.113.9 - bob [14/Nov/2023:22:13:20 +0000] "GET /.env?x=1 HTTP/1.1" 404 153 "-" "curl"'


def flows(text: str, name: str = "") -> list[Flow | Unreadable]:
    lines = text.split("\n")
    found = recognised(lines)
    assert name in {"", found}
    assert found is not None
    return list(FORMATS[found].read(lines, DATING))


def test_zeek_as_tabs_tells_what_it_could_not_read() -> None:
    answered, unanswered, damaged = flows(ZEEK_TSV, "zeek-tsv")
    assert isinstance(damaged, Unreadable)
    assert answered == Flow(
        1_700_000_000.5, "10.0.0.5", "192.0.2.9", 443, "tcp", 40_000, 1.5, 100, 2000, state="SF", service="ssl"
    )  # fmt: skip
    assert isinstance(unanswered, Flow)
    assert (unanswered.failed, unanswered.out, unanswered.service) == (True, None, "")


@pytest.mark.parametrize(
    ("text", "layer", "host", "asked"),
    [
        (
            '{"ts":1.0,"id.orig_h":"a","id.resp_h":"b","id.resp_p":53,"query":"x.example","qtype_name":"TXT"}',
            "dns",
            "",
            "x.example",
        ),
        (
            '{"ts":1.0,"id_orig_h":"a","id_resp_h":"b","server_name":"Example.ORG","cipher":"x"}',
            "tls",
            "example.org",
            "",
        ),
        (
            '{"ts":"1970-01-01T00:00:01Z","id.orig_h":"a","id.resp_h":"b","host":"h","uri":"/p","method":"GET"}',
            "http",
            "h",
            "/p",
        ),
    ],
)
def test_zeek_as_json_knows_its_other_logs(text: str, layer: str, host: str, asked: str) -> None:
    (found,) = flows(text, "zeek-json")
    assert isinstance(found, Flow)
    assert (found.time, found.layer, found.host, found.asked) == (1.0, layer, host, asked)


def test_the_table_of_connections_is_of_now() -> None:
    (found,) = flows(CONNTRACK_TABLE, "conntrack")
    assert found == Flow(
        NOW, "10.0.0.5", "192.0.2.9", 443, "tcp", 40_000, None, 100, 2000, 9, 7, "ESTABLISHED", failed=False
    )  # fmt: skip


def test_a_connection_is_one_flow_from_its_beginning_to_its_end() -> None:
    ended, still_open = flows(CONNTRACK_EVENTS, "conntrack")
    assert isinstance(ended, Flow)
    assert isinstance(still_open, Flow)
    assert (ended.time, ended.duration, ended.out, ended.back, ended.failed) == (1_700_000_000.5, 1.5, 100, 2000, False)
    assert (still_open.destination_port, still_open.failed) == (53, True)


def test_a_packet_that_was_dropped_has_failed() -> None:
    (found,) = flows(NFTABLES, "nftables")
    assert isinstance(found, Flow)
    assert (found.source, found.destination_port, found.protocol, found.failed) == ("203.0.113.9", 22, "tcp", True)


def test_both_ways_of_a_cloud_are_told_from_the_client() -> None:
    out, back = flows(AWS, "aws")
    assert isinstance(out, Flow)
    assert isinstance(back, Flow)
    assert (out.source, out.destination_port, out.out) == ("172.31.16.139", 443, 4249)
    assert (back.source, back.destination_port, back.out, back.back) == ("172.31.16.139", 443, None, 90_000)
    (refused,) = flows(AWS_NAMED, "aws")
    assert isinstance(refused, Flow)
    assert (refused.source, refused.destination_port, refused.failed) == ("192.0.2.9", 9000, True)
    (google,) = flows(GCP, "gcp")
    assert isinstance(google, Flow)
    assert (google.source, google.destination_port, google.out) == ("10.0.0.5", 443, 100)
    assert google.time == pytest.approx(1_700_000_000.123456)


def test_packets_become_flows() -> None:
    tcp, dns = sorted(
        (each for each in flows(TCPDUMP, "tcpdump") if isinstance(each, Flow)), key=lambda each: each.time
    )
    assert (tcp.source, tcp.destination_port, tcp.packets_out, tcp.packets_back, tcp.failed) == (
        "10.0.0.5",
        443,
        2,
        1,
        False,
    )
    assert (dns.source, dns.destination_port, dns.asked, dns.asked_type) == ("2001:db8::5", 53, "x.example.org", "TXT")


def test_a_request_in_an_access_log_came_from_outside() -> None:
    (found,) = flows(ACCESS, "access")
    assert isinstance(found, Flow)
    assert (found.source, found.destination, found.asked, found.state, found.failed) == (
        "203.0.113.9",
        "here",
        "/.env",
        "404",
        True,
    )


def capture(*packets: bytes, link: int = 1) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link)
    return head + b"".join(
        struct.pack("<IIII", 1_700_000_000 + n, 0, len(each), len(each)) + each for n, each in enumerate(packets)
    )


def ip4(protocol: int, rest: bytes) -> bytes:
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 0, 0, 64, protocol, 0, b"\x0a\0\0\x05", b"\xc0\0\x02\x09"
    )
    return b"\0" * 12 + b"\x08\0" + head + rest


def test_a_capture_gives_its_connections_and_the_names_that_were_asked_for() -> None:
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\5abcde\7example\3org\0" + b"\0\x10\0\1"
    syn = struct.pack(">HHIIBBHHH", 40_000, 443, 1, 0, 0x50, 0x02, 64_240, 0, 0)
    asked = struct.pack(">HHHH", 5000, 53, 8 + len(question), 0) + question
    found = list(pcap.read(BytesIO(capture(ip4(6, syn), ip4(17, asked), ip4(6, b"\0"), b"\0" * 12 + b"\x08\x06arp"))))
    tcp, dns = (each for each in found if isinstance(each, Flow))
    assert sum(isinstance(each, Unreadable) for each in found) == 1
    assert (tcp.source, tcp.destination, tcp.destination_port, tcp.failed) == ("10.0.0.5", "192.0.2.9", 443, True)
    assert (dns.asked, dns.asked_type) == ("abcde.example.org", "TXT")


def test_a_link_that_is_not_known_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        list(pcap.read(BytesIO(capture(link=147))))
    assert "tcpdump -nn -tt" in refusal.value.remedy


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=200), name=st.sampled_from(sorted(FORMATS)), whole=st.booleans())
def test_no_line_is_fatal(text: str, name: str, whole: bool) -> None:
    samples = (ZEEK_TSV, CONNTRACK_EVENTS, CONNTRACK_TABLE, NFTABLES, AWS_NAMED, GCP, TCPDUMP, ACCESS)
    mixed = [line + text if whole else text + line[len(text) :] for sample in samples for line in sample.split("\n")]
    for found in FORMATS[name].read([text, *mixed], DATING):
        assert isinstance(found, (Flow, Unreadable))


@settings(max_examples=50, deadline=None)
@given(junk=st.binary(max_size=200))
def test_no_capture_is_fatal(junk: bytes) -> None:
    for found in pcap.read(BytesIO(capture(b"\0" * 12 + b"\x08\0" + junk, b"\0" * 12 + b"\x86\xdd" + junk) + junk)):
        assert isinstance(found, (Flow, Unreadable))


def test_text_that_is_nothing_is_not_recognised() -> None:
    assert recognised(Path(__file__).read_text().splitlines()[:9]) is None
