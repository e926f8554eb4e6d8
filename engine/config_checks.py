"""What a value of the configuration must satisfy beyond its type.

Each raises ValueError with a text that begins with the key; the loader puts the file before it.
"""

from decimal import Decimal
from urllib.parse import parse_qs, urlsplit


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
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise ValueError(f"{key}: take the password out and name a file in `password_file`")
