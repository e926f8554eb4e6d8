"""What a value of the configuration must satisfy beyond its type.

Each raises ValueError with a text that begins with the key; the loader puts the file before it.
"""

from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

_LIBPQ_FILES = {"sslrootcert": "ca_file", "sslcert": "certificate_file", "sslkey": "key_file"}


def check_ratio(name: str, value: str | int) -> None:
    """Refuse a ratio outside 0 to 1, or finer than the ppm that the engine counts in."""
    ratio = Decimal(value)
    if not 0 < ratio <= 1:
        raise ValueError(f"{name}: must lie above 0 and be at most 1, is {value}")
    if ratio != round(ratio, 6):
        raise ValueError(f"{name}: takes at most six decimals, is {value}")


def check_unique(table: str, key: str, names: list[str]) -> None:
    """Refuse a name that stands twice in a table, or one that grew too long."""
    for place, name in enumerate(names):
        if name in names[:place]:
            first = names.index(name)
            raise ValueError(
                f"{table}[{place}].{key}: `{name}` is taken by {table}[{first}], give it its own"
            )
        if len(name) > 64:
            raise ValueError(f"{table}[{place}].{key}: give one of at most 64 characters")


def check_address(key: str, address: str | None, schemes: tuple[str, ...]) -> None:
    """Refuse an address that holds a password: a configuration file is copied, logged and shown."""
    if address is None:
        return
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError(f"{key}: not an address") from None
    if parts.scheme not in schemes:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"{key}: must begin with {wanted}")
    options = parse_qs(parts.query)
    if parts.password is not None or "password" in options:
        raise ValueError(f"{key}: take the password out and name a file in `password_file`")
    for option, files in _LIBPQ_FILES.items():
        if option in options:
            raise ValueError(f"{key}: take {option} out and name the file in `{files}`")


def check_tls_files(section: object, remedy: str, *, is_used: bool) -> None:
    """Refuse certificates that would not be used, and one of certificate and key alone."""
    named = {name: getattr(section, name) for name in _LIBPQ_FILES.values()}
    if (named["certificate_file"] is None) != (named["key_file"] is None):
        raise ValueError("certificate_file: goes together with `key_file`")
    for name, file in named.items():
        if file is not None and not is_used:
            raise ValueError(f"{name}: would not be used; {remedy}")
