"""Where passwords and certificates are looked for, and what of a configuration is unsafe."""

from pathlib import Path

import pytest

from engine.config import ConfigError, load
from engine.endpoints import configured_endpoints, password_file
from engine.exposures import exposures
from engine.tls import Tls
from tests.cli.program import pitboss

SAFE = """
[redis]
url = "rediss://pitboss@10.0.0.5:6379/0"
password_file = "redis.password"
ca_file = "ca.pem"
[postgres]
dsn = "postgresql://pitboss@10.0.0.6/pitboss?sslmode=verify-full"
password_file = "postgres.password"
ca_file = "ca.pem"
certificate_file = "own.pem"
key_file = "own.key"
"""


def written(directory: Path, text: str) -> Path:
    """Write a configuration and the files that it names."""
    for name in ("redis.password", "postgres.password", "own.key"):
        (directory / name).write_text("x")
        (directory / name).chmod(0o640)
    path = directory / "config.toml"
    path.write_text(text)
    return path


def test_files_stand_beside_the_configuration(tmp_path: Path) -> None:
    """Certificates and keys are found from wherever the program is started, as passwords are."""
    place = tmp_path.resolve()
    endpoints = configured_endpoints(load(written(tmp_path, SAFE)))
    assert endpoints.redis_tls == Tls(place / "ca.pem")
    assert endpoints.postgres_tls == Tls(place / "ca.pem", place / "own.pem", place / "own.key")
    assert endpoints.redis_password_file == place / "redis.password"
    assert "10.0.0" not in repr(endpoints)


def test_password_is_looked_for_in_one_order(tmp_path: Path) -> None:
    """The configuration, then a container's `*_FILE`, then what systemd's LoadCredential passes."""
    (tmp_path / "redis.password").write_text("x")
    systemd = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    container = {"PITBOSS_REDIS_PASSWORD_FILE": "/run/secrets/redis"}

    assert password_file("redis", None, {}) is None
    assert password_file("redis", None, systemd) == tmp_path / "redis.password"
    assert password_file("postgres", None, systemd) is None
    assert password_file("redis", None, systemd | container) == Path("/run/secrets/redis")
    assert password_file("redis", "named", systemd | container) == Path("named")


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("rediss://", "redis://", "redis.ca_file: would not be used; write rediss://"),
        ("?sslmode=verify-full", "", "postgres.ca_file: would not be used; write sslmode=verify"),
        ("verify-full", "require", "postgres.ca_file: would not be used"),
        ("verify-full", "verify-full&sslrootcert=x", "postgres.dsn: take sslrootcert out"),
        ('key_file = "own.key"', "", "postgres.certificate_file: goes together with `key_file`"),
        ('certificate_file = "own.pem"', "", "postgres.certificate_file: goes together"),
    ],
)
def test_tls_in_half_is_refused(tmp_path: Path, was: str, becomes: str, told: str) -> None:
    """A certificate that is named and not used would be believed to protect."""
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, SAFE.replace(was, becomes)))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SAFE, []),
        ("", []),
        ('[redis]\nurl = "unix:///run/redis.sock"\n[postgres]\ndsn = "postgresql:///x"', []),
        ('[redis]\nurl = "redis://localhost"', ["redis.url: without a password"]),
        (
            '[redis]\nurl = "redis://10.0.0.5"',
            ["redis.url: without TLS", "redis.url: without a password"],
        ),
        ('[redis]\nurl = "rediss://u@10.0.0.5"', ["redis.url: without a password"]),
        (
            '[redis]\nurl = "redis://u@[::1]"\npassword_file = "redis.password"',
            [],
        ),
        (
            '[redis]\nurl = "unix:///s"\n[postgres]\ndsn = "postgresql://db.example/x"',
            ["postgres.dsn: sslmode=prefer does not prove"],
        ),
        (
            '[redis]\nurl="unix:///s"\n[postgres]\ndsn="postgresql:///x?host=h&sslmode=require"',
            ["postgres.dsn: sslmode=require does not prove"],
        ),
        ('[redis]\nurl = "unix:///s"\n[postgres]\ndsn = "postgresql://a@/x?host=%2Frun"', []),
        ('[redis]\nurl = "unix:///s"\n[postgres]\ndsn = "postgresql://a@127.0.0.1/x"', []),
    ],
)
def test_what_others_could_use_is_named(tmp_path: Path, text: str, told: list[str]) -> None:
    """A warning and no refusal: whoever runs it on a network of its own may know better."""
    found = exposures(load(written(tmp_path, text)))
    assert [each[: len(start)] for each, start in zip(found, told, strict=True)] == told


def test_password_that_everybody_can_read_is_named(tmp_path: Path) -> None:
    """The mode is the wall around it; check-config and doctor both look."""
    config = written(tmp_path, SAFE)
    (tmp_path / "redis.password").chmod(0o644)
    (tmp_path / "own.key").chmod(0o604)

    checked = pitboss("check-config", config)
    assert checked.code == 0
    assert "warning: redis.password_file: everybody may read" in checked.err
    assert "warning: postgres.key_file: everybody may read" in checked.err
