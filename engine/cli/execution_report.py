"""`pitboss report executions`: what taking cost, from the log in Postgres (A1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from engine.cli.failure import CommandError
from engine.connections import POSTGRES_FAILED, PostgresLost
from engine.decimals import shortest
from engine.exits import BAD_USAGE, NO_DAEMON
from persistence.cursor import read_cursor
from persistence.queries import query

if TYPE_CHECKING:
    from engine.connections import Connections, PostgresConnection

NAMES: Final = ("account", "symbol", "kind", "side")
_NUMBERS: Final = (
    *("filled_share", "fees", "touch_average", "touch_median", "touch_p95"),
    *("mark_average", "mark_median", "mark_p95"),
)
_AGO: Final = re.compile(r"([1-9]\d{0,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def since_of(text: str, now: datetime) -> datetime:
    """Return when `2026-11-20`, `2026-11-20T09:30` or `90m`, `24h`, `7d` ago was; UTC unless said.

    Raises CommandError.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandError(
            f"--since {text}: give a time such as 2026-11-20T09:30 (UTC), or 90m, 24h or 7d",
            BAD_USAGE,
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


async def execution_report(
    connections: Connections,
    shard: str,
    account: str | None,
    symbol: str | None,
    since: datetime | None,
) -> dict[str, Any]:
    """Return `frame`, up to which the log is written, `total`, and a row a group in `executions`.

    Slippage is in basis points, above zero where the average price was worse than the touch, or
    the mark. Raises CommandError where Postgres cannot be asked.
    """
    try:
        database = await connections.postgres()
    except PostgresLost as away:
        raise _unasked(f"{away}") from away
    try:
        return await _asked(database, shard, account, symbol, since)
    except POSTGRES_FAILED as error:
        raise _unasked(f"Postgres does not answer as it should: {error}") from error
    finally:
        database.terminate()


async def _asked(
    database: PostgresConnection,
    shard: str,
    account: str | None,
    symbol: str | None,
    since: datetime | None,
) -> dict[str, Any]:
    async with database.transaction(isolation="repeatable_read", readonly=True):
        cursor = await read_cursor(database, shard)
        found = await database.fetch(query("execution_statistics"), shard, account, symbol, since)
    *groups, total = [_row(tuple(record)) for record in found]
    figures = {key: value for key, value in total.items() if key not in NAMES}
    return {
        "shard": shard,
        "frame": 0 if cursor is None else cursor.frame,
        "total": figures,
        "executions": groups,
    }


def _row(record: tuple[Any, ...]) -> dict[str, Any]:
    names, count, numbers = record[:4], record[4], record[5:]
    texts = [None if number is None else shortest(number) for number in numbers]
    named = dict(zip(NAMES, names, strict=True))
    return {**named, "count": count, **dict(zip(_NUMBERS, texts, strict=True))}


def _unasked(reason: str) -> CommandError:
    return CommandError(
        f"{reason}; start the daemon with `pitboss run`, which starts or awaits its Postgres and "
        "brings the tables up to date, or name its --state-dir",
        NO_DAEMON,
    )


def execution_table(report: dict[str, Any]) -> Table:
    """Return the report as a table, all together in its last row."""
    table = Table(
        title=f"executions up to frame {report['frame']}, slippage in basis points",
        title_justify="left",
        title_style="bold",
    )
    for name in NAMES:
        table.add_column(name)
    for heading in ("count", "filled", "fees"):
        table.add_column(heading, justify="right")
    for against in ("touch", "mark"):
        for figure in ("average", "median", "p95"):
            table.add_column(f"{against} {figure}", justify="right")
    everything = dict.fromkeys(NAMES, "") | {"account": "all"} | report["total"]
    for row in [*report["executions"], everything]:
        cells = (row[key] for key in (*NAMES, "count", *_NUMBERS))
        table.add_row(*("–" if cell is None else str(cell) for cell in cells))
    return table
