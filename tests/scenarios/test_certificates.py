"""The operator's certificate: on both ports, under the announced names, and replaced in flight."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.scenarios.peer import PeerClosed, Peers, eventually
from tests.server import Server, running_server

CHECK_SECONDS = 10
"""Files are looked at every two seconds."""


class Files:
    """A certificate and its key, as an operator would keep them."""

    def __init__(self, directory: Path) -> None:
        self.certificate, self.key = directory / "tls.pem", directory / "tls.key"
        self.renew()

    def renew(self) -> str:
        """Writes a new pair over the old one; returns the certificate's SHA-256."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=10))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(key, hashes.SHA256())
        )
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.sha256 = certificate.fingerprint(hashes.SHA256()).hex()
        return self.sha256

    @property
    def settings(self) -> dict[str, str]:
        return {
            "TIDEGATE_TLS_CERT": str(self.certificate),
            "TIDEGATE_TLS_KEY": str(self.key),
            "TIDEGATE_ANNOUNCE": "localhost",
        }


def shown_by_https(server: Server) -> str:
    """SHA-256 of the certificate that the TCP port shows."""
    api = urlsplit(server.api)
    assert api.port is not None
    pem = ssl.get_server_certificate(("127.0.0.1", api.port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


async def test_the_operators_certificate_is_on_both_ports_and_renewed_in_flight(
    tmp_path: Path, peers: Peers
) -> None:
    files = Files(tmp_path)
    with running_server(tmp_path, files.settings) as server:
        first = files.sha256
        assert server.api.startswith("https://localhost:")
        assert server.webtransport.startswith("https://localhost:")
        assert server.certificate_sha256 == first
        assert shown_by_https(server) == first
        here = "127.0.0.1"
        standing = await peers.connect(server.moq, host=here, certificate_sha256=first)

        second = files.renew()
        assert second != first
        await eventually(lambda: shown_by_https(server) == second, CHECK_SECONDS)
        await eventually(lambda: "QUIC shows a new certificate" in server.log.read_text(), 5)
        await peers.connect(server.moq, host=here, certificate_sha256=second)
        await peers.connect(server.webtransport + "/", host=here, certificate_sha256=second)
        with pytest.raises(PeerClosed):
            await peers.connect(server.moq, host=here, certificate_sha256=first)
        assert standing.closed is None


async def test_files_that_are_no_pair_are_passed_over(tmp_path: Path, peers: Peers) -> None:
    files = Files(tmp_path)
    with running_server(tmp_path, files.settings) as server:
        first = files.sha256
        files.certificate.write_text("half a certif")
        await eventually(lambda: "is kept" in server.log.read_text(), CHECK_SECONDS)
        await peers.connect(server.moq, host="127.0.0.1", certificate_sha256=first)
        assert shown_by_https(server) == first


async def test_announced_names_are_in_the_certificate_and_in_the_urls(tmp_path: Path) -> None:
    announce = {"TIDEGATE_ANNOUNCE": "media.example,192.0.2.7:4444"}
    with running_server(tmp_path, announce) as server:
        await eventually(lambda: "moqt://media.example:" in server.log.read_text(), 5)
        shown = server.log.read_text()
        assert "moqt://192.0.2.7:4444" in shown
        assert urlsplit(server.api).hostname == "127.0.0.1"
        [pem] = [
            file
            for file in (tmp_path / "data").iterdir()
            if file.is_file() and b"BEGIN CERTIFICATE" in file.read_bytes()
        ]
        certificate = x509.load_pem_x509_certificate(pem.read_bytes())
        assert certificate.fingerprint(hashes.SHA256()).hex() == server.certificate_sha256
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert "media.example" in names.get_values_for_type(x509.DNSName)
        assert "192.0.2.7" in map(str, names.get_values_for_type(x509.IPAddress))
        lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert lifetime <= timedelta(days=14)
