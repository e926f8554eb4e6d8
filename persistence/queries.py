"""The SQL of this package, read from its files."""

from functools import cache
from importlib import resources

_SQL = resources.files("persistence") / "sql"


@cache
def query(name: str) -> str:
    """Return the text of `sql/queries/<name>.sql`."""
    return (_SQL / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def migrations() -> list[tuple[int, str, str]]:
    """Return (number, name, text) of each `sql/migrations/<number>_<name>.sql`, in order.

    Asserts that the numbers are 1, 2, 3 … without a gap.
    """
    found = []
    for file in (_SQL / "migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append((int(number), name, file.read_text(encoding="utf-8")))
    found.sort()
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1)), found
    return found
