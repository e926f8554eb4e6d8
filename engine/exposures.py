"""What of a configuration others could use against it: warnings, each with its remedy."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from engine.config import Config, Credentials
from engine.endpoints import configured_endpoints
from engine.tls import sslmode

_HERE: Final = ("localhost", "127.", "::1")


def exposures(config: Config) -> list[str]:
    """Return what is unsafe about the configured servers; those of our own stand on no network."""
    if config.redis.url is None:
        return []
    return [
        *_of_redis(config, config.redis.url),
        *_of_postgres(config.postgres.dsn),
        *_of_files("redis", config.redis),
        *_of_files("postgres", config.postgres),
    ]


def _of_redis(config: Config, url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return
    if parts.scheme == "redis" and _elsewhere(url):
        yield (
            "redis.url: without TLS to another machine, orders and passwords can be read on their "
            "way: write rediss:// and name a ca_file"
        )
    if configured_endpoints(config).redis_password_file is None:
        yield (
            "redis.url: without a password, whoever reaches the port can write the journal: set up "
            "deploy/redis-users.acl and name its password_file"
        )


def _of_postgres(dsn: str | None) -> Iterator[str]:
    if dsn is not None and _elsewhere(dsn) and sslmode(dsn) != "verify-full":
        yield (
            f"postgres.dsn: sslmode={sslmode(dsn)} does not prove who answers on another machine: "
            "write sslmode=verify-full and name a ca_file"
        )


def _of_files(section: str, credentials: Credentials) -> Iterator[str]:
    for name in ("password_file", "key_file"):
        path = getattr(credentials, name)
        if path is not None and _is_open_to_all(Path(path)):
            yield f"{section}.{name}: everybody may read or write {path}: chmod o= it"


def _is_open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IRWXO)
    except OSError:
        return False  # said when it is read


def _elsewhere(address: str) -> bool:
    """Tell whether an address leads to another machine."""
    parts = urlsplit(address)
    named = parse_qs(parts.query).get("host")
    places = named or [each.rpartition("@")[2] for each in [parts.netloc]]
    hosts = [unquote(host).strip("[]") for place in places for host in place.split(",") if host]
    return any(not host.startswith(("/", *_HERE)) for host in hosts)
