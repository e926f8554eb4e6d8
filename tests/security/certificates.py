"""Certificates for a test, made by the openssl program: authorities, hosts, clients."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = "IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; `file` is what a client trusts."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory / name
        self._directory.mkdir()
        self.file = self._directory / "ca.pem"
        self._new("ca", name, "-x509", "-days", "2", "-out", str(self.file))

    def sign(self, name: str, hosts: str = HERE, days: int = 2) -> Signed:
        """Make a certificate for some hosts; one of negative days has expired."""
        asked = self._directory / f"{name}.csr"
        made = Signed(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        wanted = (f"subjectAltName={hosts}", "basicConstraints=CA:FALSE")
        extensions = [word for each in wanted for word in ("-addext", each)]
        self._new(name, name, *extensions, "-out", str(asked))
        _openssl(
            *("x509", "-req", "-in", str(asked), "-out", str(made.certificate)),
            *("-CA", str(self.file), "-CAkey", str(self._directory / "ca.key")),
            *("-copy_extensions", "copy", "-days", str(days)),
        )
        return made

    def _new(self, file: str, name: str, *more: str) -> None:
        key = str(self._directory / f"{file}.key")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        _openssl("req", "-new", *curve, "-keyout", key, "-subj", f"/CN={name}", *more)


def server_context(own: Signed, *, clients_of: Path | None = None) -> ssl.SSLContext:
    """Return how a server secures its side; with `clients_of` it lets in only who is signed so."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients_of)
    context.load_cert_chain(own.certificate, own.key)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
