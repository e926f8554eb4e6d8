"""TLS to servers that speak it themselves, where this machine has some; the wheels' do not."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from engine.connections import Connections, Endpoints, LinkLost, PostgresLost
from engine.tls import Tls
from persistence.embedded_postgres import PostgresPrograms
from tests.line.postgres import OwnPostgres
from tests.line.valkey import OwnValkey
from tests.security.certificates import Authority


def _knows_tls(program: Path) -> bool:
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return "libssl" in linked


POSTGRES = [
    PostgresPrograms(program.parent, int(program.parts[-3]))
    for program in Path("/usr/lib/postgresql").glob("*/bin/postgres")
    if int(program.parts[-3]) >= 14 and _knows_tls(program)
]
REDIS = [
    Path(found)
    for name in ("valkey-server", "redis-server")
    if (found := shutil.which(name)) is not None and _knows_tls(Path(found))
]


@pytest.fixture
def port() -> int:
    """Return a port of 127.0.0.1 that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("programs", POSTGRES, ids=lambda each: f"postgres {each.major}")
async def test_postgres_is_proved_and_let_in_by_password(
    programs: PostgresPrograms, tmp_path: Path, port: int
) -> None:
    """`hostssl` and scram on its side, verify-full and a password file on ours."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    signed = ours.sign("postgres")
    postgres = OwnPostgres(programs, listen_addresses="127.0.0.1", port=str(port), ssl="on")
    postgres.set("ssl_cert_file", postgres.give_file("cert", signed.certificate.read_bytes()))
    postgres.set("ssl_key_file", postgres.give_file("key", signed.key.read_bytes()))
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")

    def reached_with(authority: Authority) -> Connections:
        dsn = f"postgresql://keeper@127.0.0.1:{port}/postgres?sslmode=verify-full"
        tls = Tls(authority.file)
        return Connections(
            Endpoints("redis://", dsn, postgres_password_file=secret, postgres_tls=tls)
        )

    try:
        await postgres.start()
        await postgres.execute("CREATE ROLE keeper LOGIN PASSWORD 'correct horse'")
        connection = await reached_with(ours).postgres()
        assert await connection.fetchval(_ENCRYPTED) == "TLSv1.3"
        await connection.close()
        with pytest.raises(PostgresLost, match="TLS failed"):
            await reached_with(theirs).postgres()
        secret.write_text("wrong horse\n")
        with pytest.raises(PostgresLost, match="28P01"):
            await reached_with(ours).postgres()
    finally:
        await postgres.remove()


@pytest.mark.parametrize("program", REDIS, ids=lambda each: str(each.name))
async def test_redis_is_proved_and_asks_who_we_are(
    program: Path, tmp_path: Path, port: int
) -> None:
    """Redis asks every client for a certificate unless it is told not to."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    signed, client = ours.sign("redis"), ours.sign("daemon")
    redis = OwnValkey(
        program=program,
        tls_port=str(port),
        tls_cert_file=str(signed.certificate),
        tls_key_file=str(signed.key),
        tls_ca_cert_file=str(ours.file),
    )
    url = f"rediss://127.0.0.1:{port}/0"
    good = Tls(ours.file, client.certificate, client.key)
    try:
        await redis.start()
        link = await Connections(Endpoints(url, redis_tls=good)).redis()
        assert await link.call("PING") == b"PONG"
        await link.close()
        for tls in (Tls(theirs.file, client.certificate, client.key), Tls(ours.file)):
            with pytest.raises(LinkLost):
                await (await Connections(Endpoints(url, redis_tls=tls)).redis()).call("PING")
    finally:
        redis.remove()


_ENCRYPTED = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
