"""TLS to both servers: certificate and host name are verified, and nothing switches that off."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_HOST_MISMATCH = (62, 64)  # OpenSSL's codes: for another name, for another address


class CertificateUnreadable(Exception):
    """A certificate or key named in the configuration cannot be used."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom we trust (`ca_file` alone, else the system's authorities) and who we are."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


def sslmode(dsn: str) -> str:
    """Return how a Postgres dsn says to secure the connection; `prefer` is what it says unasked."""
    try:
        return parse_qs(urlsplit(dsn).query).get("sslmode", ["prefer"])[-1]
    except ValueError:
        return "prefer"


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return what a connection is secured by; reads the files, so that renewed ones come to use.

    Raises CertificateUnreadable naming the files.
    """
    reason = ""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except ssl.SSLError as error:
        reason = error.reason or "not a certificate, or not its key"
    except OSError as error:
        reason = error.strerror or "cannot be read"
    if reason:
        files = (tls.ca_file, tls.certificate_file, tls.key_file)
        named = ", ".join(str(each) for each in files if each is not None)
        raise CertificateUnreadable(f"TLS: {reason}; look at {named or 'the system certificates'}")
    return context


def tls_failure(error: ssl.SSLError) -> str:
    """Say why a handshake failed, without the address that OpenSSL puts into its text."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _HOST_MISMATCH:
            return "TLS failed (the certificate is for another host)"
        return f"TLS failed ({error.verify_message})"
    return f"TLS failed ({error.reason or 'unknown reason'})"
