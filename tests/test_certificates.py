"""The certificate of QUIC: short-lived and ours, or the operator's."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tidegate import certificates
from tidegate.certificates import Certificate
from tidegate.errors import DataDirectoryError, SettingError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def leaf(certificate: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.chain[0])


def test_a_made_certificate_is_what_browsers_take_by_hash(tmp_path: Path) -> None:
    """W3C WebTransport, serverCertificateHashes: ECDSA P-256, valid for at most two weeks."""
    made = certificates.load_or_make(tmp_path, ["a.example", "10.0.0.1"], now=NOW)
    shown = leaf(made)
    key = shown.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert shown.not_valid_after_utc - shown.not_valid_before_utc <= timedelta(days=14)
    assert shown.not_valid_before_utc < NOW < shown.not_valid_after_utc
    assert made.names == {"a.example", "10.0.0.1", "localhost", "127.0.0.1", "::1"}
    private = serialization.load_der_private_key(made.key, password=None)
    assert private.public_key() == key
    assert made.sha256 == hashlib.sha256(made.chain[0]).hexdigest()


def test_it_is_kept_for_its_owner_alone_and_found_again(tmp_path: Path) -> None:
    made = certificates.load_or_make(tmp_path, ["a.example"], now=NOW)
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert certificates.load_or_make(tmp_path, ["a.example"], now=NOW) == made
    assert certificates.load_or_make(tmp_path, [], now=NOW) == made


def test_it_is_renewed_before_it_ends(tmp_path: Path) -> None:
    made = certificates.load_or_make(tmp_path, [], now=NOW)
    assert made.renew_at is not None
    assert made.renew_at < made.ends - timedelta(days=2)
    just_before = made.renew_at - timedelta(seconds=1)
    assert certificates.load_or_make(tmp_path, [], now=just_before) == made
    renewed = certificates.load_or_make(tmp_path, [], now=made.renew_at)
    assert renewed.sha256 != made.sha256
    assert renewed.ends > made.ends


def test_a_new_name_or_a_broken_file_makes_a_new_one(tmp_path: Path) -> None:
    made = certificates.load_or_make(tmp_path, [], now=NOW)
    named = certificates.load_or_make(tmp_path, ["new.example"], now=NOW)
    assert named.sha256 != made.sha256
    [file] = tmp_path.iterdir()
    file.write_text("no longer a certificate")
    assert certificates.load_or_make(tmp_path, ["new.example"], now=NOW).names == named.names


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match="No such file or directory"):
        certificates.load_or_make(tmp_path / "none", [], now=NOW)


@pytest.fixture
def operators(tmp_path: Path) -> tuple[Path, Path]:
    """Files as an operator has them: a chain and a key, apart."""
    made = certificates.load_or_make(tmp_path, ["op.example"], now=NOW)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(leaf(made).public_bytes(Encoding.PEM) * 2)
    private = serialization.load_der_private_key(made.key, password=None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert, key


def test_the_operators_certificate_is_taken_as_it_is(operators: tuple[Path, Path]) -> None:
    loaded = certificates.load(*operators)
    assert len(loaded.chain) == 2
    assert "op.example" in loaded.names
    assert loaded.renew_at is None


def test_files_that_cannot_be_used_are_one_line(
    operators: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = operators
    other = tmp_path / "other.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    other.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for pair, problem in [
        ((tmp_path / "none", key), r"TIDEGATE_TLS_CERT: .*none: No such file"),
        ((cert, tmp_path / "none"), r"TIDEGATE_TLS_KEY: .*none: No such file"),
        ((key, key), "TIDEGATE_TLS_CERT: .*not a PEM certificate"),
        ((cert, cert), "TIDEGATE_TLS_KEY: .*not an unencrypted PEM key"),
        ((cert, other), "TIDEGATE_TLS_KEY: .*does not belong to"),
    ]:
        with pytest.raises(SettingError, match=problem):
            certificates.load(*pair)
