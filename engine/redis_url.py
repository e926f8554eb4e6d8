"""Read a Redis address. Options that would bring back retries or decoding are refused."""

import socket
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_KEEPALIVE = {
    getattr(socket, name): seconds
    for name, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}


def parse_redis_url(url: str) -> tuple[dict[str, Any], str]:
    """Return the settings of a redis-py connection and the scheme of the address.

    Raises ValueError with the accepted forms; the text never repeats the address, which may hold
    a password.
    """
    parts, database = _split(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    options.pop("db", None)
    settings: dict[str, Any] = {"db": database}
    if parts.username:
        settings["username"] = unquote(parts.username)
    if parts.password:
        settings["password"] = unquote(parts.password)
    if parts.scheme == "unix":
        settings["path"] = unquote(parts.path)
    else:
        settings |= {"host": parts.hostname or "localhost", "port": parts.port or 6379}
        # A link that blocks for ever notices a dead peer by these probes alone.
        settings |= {"socket_keepalive": True, "socket_keepalive_options": _KEEPALIVE}
    if options:
        raise ValueError(f"redis.url: option {min(options)!r} is not supported (known: db)")
    return settings, parts.scheme


def _split(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        named = parse_qs(parts.query).get("db", [""])[-1]
        in_path = "" if parts.scheme == "unix" else parts.path.strip("/")
        database = int(named or in_path or 0)
        usable = parts.scheme in ("redis", "rediss", "unix") and database >= 0
        usable = usable and (parts.port or 0) >= 0 and (parts.scheme != "unix" or bool(parts.path))
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "redis.url: write redis://host:port/0, rediss://host:port/0 or unix:///path/to/socket"
        )
    return parts, database
