"""The certificate that QUIC shows: the operator's, or one that we make and renew ourselves.

Ours is short-lived, so that browsers take it by its hash alone (``serverCertificateHashes``: ECDSA
P-256, at most 14 days). The engine gets it as DER; no I/O happens after :func:`load_or_make`
returns.
"""

import hashlib
import ipaddress
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tidegate.datadir import write_private
from tidegate.errors import DataDirectoryError, SettingError

LIFETIME = timedelta(days=13)
"""From being made to its end: inside the browsers' 14 days with the back-dating added."""

BACKDATED = timedelta(hours=1)
"""Clients whose clock is behind ours must not find it too new."""

RENEW_BEFORE = timedelta(days=3)
"""A new one is made so long before the old one ends, and at every start once it is due."""

_FILE = "quic.pem"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as QUIC wants them.

    Attributes:
        chain: DER, the leaf first.
        key: DER (PKCS #8).
        ends: when the leaf ends.
        names: the names and addresses it is good for.
        ours: whether we made it, and so renew it.
    """

    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)
    ends: datetime
    names: frozenset[str]
    ours: bool

    @property
    def sha256(self) -> str:
        """Of the leaf's DER, as lower-case hex: what ``serverCertificateHashes`` compares."""
        return hashlib.sha256(self.chain[0]).hexdigest()

    @property
    def renew_at(self) -> datetime | None:
        """When to call :func:`load_or_make` again; None for the operator's own."""
        return self.ends - RENEW_BEFORE if self.ours else None


def load_or_make(data_dir: Path, hosts: Sequence[str], *, now: datetime) -> Certificate:
    """Our certificate for ``hosts``, names and addresses: the stored one until its renewal is due.

    Raises:
        DataDirectoryError: it cannot be stored.
    """
    file = data_dir / _FILE
    names = _names(hosts)
    stored = _stored(file)
    if stored is not None and names <= stored.names and now < stored.ends - RENEW_BEFORE:
        return stored
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _self_signed(key, names, now)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_private(file, (pem + leaf.public_bytes(Encoding.PEM)).decode())
    except OSError as error:
        raise DataDirectoryError(f"{file}: {error.strerror}") from None
    return _certificate([leaf], key, ours=True)


def make_for_webrtc(*, now: datetime) -> Certificate:
    """What WebRTC sessions show: known to peers by its fingerprint alone, so it needs no name, is
    never stored, and may be as old as the process.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return _certificate([_self_signed(key, frozenset({"tidegate"}), now)], key, ours=True)


def load(cert: Path, key: Path) -> Certificate:
    """The operator's certificate chain and key, from PEM files.

    Raises:
        SettingError: they cannot be read, or do not belong together.
    """
    try:
        chain = x509.load_pem_x509_certificates(cert.read_bytes())
    except OSError as error:
        raise SettingError("TIDEGATE_TLS_CERT", f"{cert}: {error.strerror}") from None
    except ValueError:
        raise SettingError("TIDEGATE_TLS_CERT", f"{cert}: not a PEM certificate") from None
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise SettingError("TIDEGATE_TLS_KEY", f"{key}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingError("TIDEGATE_TLS_KEY", f"{key}: not an unencrypted PEM key") from None
    if _public_bytes(private.public_key()) != _public_bytes(chain[0].public_key()):
        raise SettingError("TIDEGATE_TLS_KEY", f"{key}: does not belong to {cert}")
    return _certificate(chain, private, ours=False)


def _stored(file: Path) -> Certificate | None:
    """None when there is none that can be used."""
    try:
        pem = file.read_bytes()
        chain = x509.load_pem_x509_certificates(pem)
        key = serialization.load_pem_private_key(pem, password=None)
    except (OSError, ValueError):
        return None
    return _certificate(chain, key, ours=True)


def _self_signed(
    key: ec.EllipticCurvePrivateKey, names: frozenset[str], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tidegate")])
    usage = dict.fromkeys(_KEY_USAGES, False) | {"digital_signature": True}
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(list(map(_general_name, sorted(names)))), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _certificate(
    chain: Sequence[x509.Certificate],
    key: PrivateKeyTypes,
    *,
    ours: bool,
) -> Certificate:
    leaf = chain[0]
    return Certificate(
        chain=tuple(link.public_bytes(Encoding.DER) for link in chain),
        key=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ends=leaf.not_valid_after_utc,
        names=_names_of(leaf),
        ours=ours,
    )


def _names(hosts: Sequence[str]) -> frozenset[str]:
    """``hosts`` that a certificate can hold, and this machine's own names."""
    always = ("localhost", "127.0.0.1", "::1")
    return frozenset(host for host in itertools.chain(hosts, always) if host.isascii())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _names_of(leaf: x509.Certificate) -> frozenset[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return frozenset([*names.get_values_for_type(x509.DNSName), *addresses])


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
