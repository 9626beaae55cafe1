"""A file is judged as a site really serves it: where, how, after which redirects, and never without bounds."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stockade.errors import ConfigurationError, Unavailable
from stockade.gateway.securitytxt.fetch import MAX_OCTETS, check_url

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILE = b"Contact: tel:+1-201-555-0123\nExpires: 2027-01-01T00:00:00Z\n"
WELL_KNOWN = "/.well-known/security.txt"
Answer = tuple[int, dict[str, str], bytes]
GOOD: Answer = (200, {"Content-Type": "text/plain; charset=utf-8"}, FILE)


@contextlib.contextmanager
def site(answers: dict[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A site that answers as told, and 404 to the rest."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that refuses our certificate
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key, for 127.0.0.1."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def codes(url: str, tls: ssl.SSLContext | None = None, timeout: float = 5) -> set[str]:
    return {problem.code for problem in check_url(url, now=NOW, tls=tls, timeout=timeout)} - {"not_signed"}


def test_a_site_that_does_everything_right(serving: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with site({WELL_KNOWN: GOOD}, serving) as url:
        assert codes(url, trusting) == set()
        assert codes(f"{url}{WELL_KNOWN}", trusting) == set()


def test_a_certificate_that_nobody_vouches_for_is_named(serving: ssl.SSLContext) -> None:
    with site({WELL_KNOWN: GOOD}, serving) as url:
        assert codes(url) == {"invalid_cert"}


def test_without_tls_the_file_is_read_from_this_machine_only_and_that_is_said() -> None:
    with site({WELL_KNOWN: GOOD}) as url:
        assert codes(url) == {"invalid_uri_scheme"}
    with pytest.raises(ConfigurationError, match="not protected by TLS"):
        check_url("http://example.org", now=NOW)


def test_the_legacy_place_is_found_and_named() -> None:
    with site({"/security.txt": GOOD}) as url:
        assert codes(url) == {"invalid_uri_scheme", "location"}


def test_a_site_without_a_file() -> None:
    with site({}) as url:
        assert codes(url) == {"no_security_txt"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_content_type"),
        ({"Content-Type": "text/html"}, "invalid_media"),
        ({"Content-Type": "text/plain; charset=latin-1"}, "invalid_charset"),
    ],
)
def test_the_type_of_the_answer_is_judged(headers: dict[str, str], code: str) -> None:
    with site({WELL_KNOWN: (200, headers, FILE)}) as url:
        assert codes(url) == {"invalid_uri_scheme", code}


def test_a_redirect_is_followed_and_its_last_address_may_be_the_canonical_one(
    serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    answers = {WELL_KNOWN: (302, {"Location": "/there"}, b"")}
    with site(answers, serving) as url:
        answers["/there"] = (200, GOOD[1], FILE + f"Canonical: {url}/there\n".encode())
        assert codes(url, trusting) == set()
        answers["/there"] = (200, GOOD[1], FILE + b"Canonical: https://example.org/there\n")
        assert codes(url, trusting) == {"no_canonical_match"}


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "http://example.org/", "https://["]
)
def test_no_redirect_leads_out_of_the_web_or_out_of_tls(target: str) -> None:
    with site({WELL_KNOWN: (302, {"Location": target}, b"")}) as url:
        assert codes(url) == {"bad_redirect"}


def test_a_ring_of_redirects_ends() -> None:
    with site({WELL_KNOWN: (302, {"Location": WELL_KNOWN}, b"")}) as url:
        assert codes(url) == {"bad_redirect"}


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with site({WELL_KNOWN: (200, GOOD[1], b"#" * (MAX_OCTETS + 5000))}) as url:
        assert codes(url) == {"too_large"}


def test_a_site_that_does_not_answer() -> None:
    with site({}) as url:
        pass
    with pytest.raises(Unavailable, match="does not answer"):
        check_url(url, now=NOW)


def test_a_site_that_dribbles_is_left() -> None:
    stop = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                while not stop.wait(0.05):
                    self.wfile.write(b"#")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(Unavailable, match=r"takes too long|does not answer"):
            check_url(f"http://127.0.0.1:{server.server_port}", now=NOW, timeout=0.3)
        stop.set()
        server.shutdown()


@pytest.mark.parametrize("url", ["", "https://", "https://[", "gopher://example.org", "https://me:secret@example.org"])
def test_what_is_no_site_is_not_asked(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_url(url, now=NOW)
    assert "secret" not in str(refused.value)
