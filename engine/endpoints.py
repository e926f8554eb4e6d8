"""Where the configured servers are, and the files that hold what opens them.

A password never stands in the configuration, on a command line or in the environment: only the
path of its file does.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.config import Config
from engine.connections import Endpoints
from engine.tls import Tls


def configured_endpoints(config: Config, environment: Mapping[str, str] = os.environ) -> Endpoints:
    """Return the servers that the configuration names; it must name a Redis."""
    redis, postgres = config.redis, config.postgres
    assert redis.url is not None
    return Endpoints(
        redis.url,
        postgres.dsn,
        password_file("redis", redis.password_file, environment),
        password_file("postgres", postgres.password_file, environment),
        Tls(_path(redis.ca_file), _path(redis.certificate_file), _path(redis.key_file)),
        Tls(_path(postgres.ca_file), _path(postgres.certificate_file), _path(postgres.key_file)),
    )


def password_file(server: str, named: str | None, environment: Mapping[str, str]) -> Path | None:
    """Return the file of a server's password, None where it has none.

    The first of: the configuration's `password_file`, `PITBOSS_<SERVER>_PASSWORD_FILE`, and
    the credential `<server>.password` that systemd's LoadCredential passes.
    """
    if named is not None:
        return Path(named)
    variable = environment.get(f"PITBOSS_{server.upper()}_PASSWORD_FILE")
    if variable:
        return Path(variable)
    directory = environment.get("CREDENTIALS_DIRECTORY")
    passed = Path(directory) / f"{server}.password" if directory else None
    return passed if passed is not None and passed.exists() else None


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)
