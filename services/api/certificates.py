"""Key pairs of type x509, which Windows guests take: a certificate instead of a public key."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from devstack_lite.clock import utcnow
from devstack_lite.exceptions import Invalid

VALID_FOR = datetime.timedelta(days=3650)
_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""What WinRM knows a client by."""


def generate_certificate(user_id: str) -> tuple[str, str]:
    """Return a private key and its self-signed certificate for client authentication, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    now = utcnow()
    # A DER UTF8String: its tag, its length in one byte, the text.
    text = f"{user_id}@localhost".encode()[:127]
    principal = x509.OtherName(_PRINCIPAL_NAME, b"\x0c" + bytes([len(text)]) + text)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([principal]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def certificate_fingerprint(text: str) -> str:
    """Return the SHA-1 fingerprint that Nova shows. Raises Invalid for what is none."""
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise Invalid("Keypair data is invalid: failed to generate X509 fingerprint") from error
    return certificate.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303 - the form of the name
