"""What the api daemon serves, as its configuration says: which APIs, where, how secured."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.server import HttpWorker, bind
from services.api.__main__ import find_apis


def configured(tmp_path: Path, text: str) -> Any:
    """Return the configuration of a file."""
    path = tmp_path / "api.conf"
    path.write_text(text)
    conf = options.register(cfg.ConfigOpts())
    conf(["--config-file", str(path)], project="devstack-lite", default_config_files=[])
    return conf


def test_both_apis_are_served(tmp_path: Path) -> None:
    """Each where Nova has it, the metadata API with a worker of its own."""
    found = find_apis(configured(tmp_path, "[DEFAULT]\n"))
    assert [(api.app_name, api.service, api.port, api.workers) for api in found] == [
        ("osapi_compute", "api", 8774, 2),
        ("metadata", "metadata", 8775, 1),
    ]
    assert {(api.tls, api.max_url_len, api.listen) for api in found} == {(None, 8192, "127.0.0.1")}


def test_each_has_options_of_its_own(tmp_path: Path) -> None:
    """One alone, on another port; the names that the options had before count, too."""
    text = "[DEFAULT]\nenabled_apis = metadata\nmetadata_listen_port = 99\nmetadata_workers = 5\n"
    [found] = find_apis(configured(tmp_path, text))
    assert (found.app_name, found.port, found.workers) == ("metadata", 99, 5)
    text = "[DEFAULT]\nenabled_apis = osapi_compute\n[api]\nport = 98\nworkers = 3\nlisten = ::1\n"
    [found] = find_apis(configured(tmp_path, text))
    assert (found.listen, found.port, found.workers) == ("::1", 98, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("osapi_compute_workers = 0",
         "osapi_compute_workers value of 0 is invalid, must be greater than 0"),
        ("metadata_workers = -2",
         "metadata_workers value of -2 is invalid, must be greater than 0"),
        ("enabled_apis =", "enabled_apis names no API."),
        ("enabled_ssl_apis = metadata", "needs cert_file and key_file"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """One sentence says why; Nova's own about workers."""
    with pytest.raises(Invalid, match=said):
        find_apis(configured(tmp_path, f"[DEFAULT]\n{line}\n"))


@pytest.mark.parametrize("line", ["enabled_apis = ec2", "metadata_workers = many"])
def test_what_an_option_cannot_be(tmp_path: Path, line: str) -> None:
    """An API that there is not, a number that is none."""
    with pytest.raises(cfg.Error):
        find_apis(configured(tmp_path, f"[DEFAULT]\n{line}\n"))


def make_certificate(folder: Path, name: str) -> Path:
    """Make a certificate of 127.0.0.1, signed by itself, and its key; return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate = folder / f"{name}.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate


def tell_scheme(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode()]


Serve = Callable[..., int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve an application as the only API's configuration says; give its port."""
    workers = []

    def start(text: str) -> int:
        [api] = find_apis(configured(tmp_path, f"[DEFAULT]\nenabled_apis = metadata\n{text}"))
        listener = bind("127.0.0.1", 0)
        worker = HttpWorker(
            listener, tell_scheme, threads=2, max_url_len=api.max_url_len, tls=api.tls
        )
        worker.start()
        workers.append(worker)
        return int(listener.getsockname()[1])

    yield start
    for worker in workers:
        worker.stop()


def test_an_api_speaks_tls(tmp_path: Path, serve: Serve) -> None:
    """A client that trusts the certificate is served, again and again; one without TLS is not.

    A client that connects and says nothing keeps nobody out.
    """
    certificate = make_certificate(tmp_path, "server")
    key = certificate.with_suffix(".key")
    port = serve(
        f"enabled_ssl_apis = metadata\n[ssl]\ncert_file = {certificate}\nkey_file = {key}\n"
    )
    with socket.create_connection(("127.0.0.1", port)):
        context = ssl.create_default_context(cafile=str(certificate))
        client = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        for _ in range(2):
            client.request("GET", "/")
            assert client.getresponse().read() == b"https"
        client.close()
    stranger = http.client.HTTPSConnection("127.0.0.1", port, timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", "/")
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    plain.request("GET", "/")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()


def test_clients_may_need_a_certificate(tmp_path: Path, serve: Serve) -> None:
    """With ca_file: one that the CA knows."""
    server, known = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    port = serve(
        f"enabled_ssl_apis = metadata\n[ssl]\ncert_file = {server}\n"
        f"key_file = {server.with_suffix('.key')}\nca_file = {known}\n"
    )

    def ask(context: ssl.SSLContext) -> bytes:
        client = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        try:
            client.request("GET", "/")
            return client.getresponse().read()
        finally:
            client.close()

    context = ssl.create_default_context(cafile=str(server))
    with pytest.raises(OSError):  # noqa: PT011 - TLS 1.3 refuses when the client reads
        ask(context)
    context.load_cert_chain(known, known.with_suffix(".key"))
    assert ask(context) == b"https"


def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    """A file that is not there, or is none, stops the start with its name."""
    head = "[DEFAULT]\nenabled_ssl_apis = metadata\n[ssl]\n"
    with pytest.raises(Invalid, match="Unable to find cert_file : /nowhere"):
        find_apis(configured(tmp_path, f"{head}cert_file = /nowhere\n"))
    path = tmp_path / "empty.pem"
    path.touch()
    with pytest.raises(Invalid, match=r"\[ssl\] cannot be used"):
        find_apis(configured(tmp_path, f"{head}cert_file = {path}\nkey_file = {path}\n"))
    good = make_certificate(tmp_path, "good")
    text = f"{head}cert_file = {good}\nkey_file = {good.with_suffix('.key')}\nciphers = NONE-SUCH\n"
    with pytest.raises(Invalid, match="cipher"):
        find_apis(configured(tmp_path, text))


def test_a_url_has_a_bound(serve: Serve) -> None:
    """414 for one character more than max_url_len, whatever stands in it."""
    port = serve("max_url_len = 100\n")
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(path: str, **headers: str) -> int:
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        answer.read()
        return answer.status

    assert ask("/" + "x" * 99) == 200
    assert ask("/?" + "y" * 99) == 414
    assert ask("/") == 200
    assert ask("/", Long="z" * 70_000) == 413
